import { createHash } from 'node:crypto'
import { loadCorpus } from './corpus.ts'
import { shown, type Target } from './target.ts'
import { loadTarget, TARGETS } from './targets/index.ts'

/** What became of all inputs of a target: how many there are, a digest of what they gave, and the first that failed. */
export interface Replayed {
  readonly inputs: number
  readonly digest: string
  readonly failed: { readonly input: Uint8Array; readonly why: string } | undefined
}

/** Runs seeds and kept inputs once, on whatever runtime this is; nothing is counted. */
export function replay(target: Target, kept: readonly Uint8Array[]): Replayed {
  const inputs = [...target.seeds(), ...kept].filter(({ length }) => length <= target.bytesMax)
  const digest = createHash('sha256')
  let failed: Replayed['failed']
  for (const input of inputs) {
    try {
      digest.update(`${shown(target.run(input.slice()))}\n`)
    } catch (error) {
      failed ??= { input, why: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  return { inputs: inputs.length, digest: digest.digest('hex').slice(0, 16), failed }
}

/** One line a target, the same on every runtime. */
async function main(names: readonly string[]): Promise<void> {
  for (const name of names.length > 0 ? names : Object.keys(TARGETS)) {
    const { inputs, digest, failed } = replay(await loadTarget(name), loadCorpus(name))
    const input = failed === undefined ? '' : Buffer.from(failed.input).toString('hex')
    const said = failed === undefined ? 'ok' : `FAILED on ${input}: ${failed.why.split('\n')[0]}`
    process.stdout.write(`${name} ${inputs} inputs ${digest} ${said}\n`)
  }
}

if (import.meta.main) await main(process.argv.slice(2))

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../fixtures/fuzz')
const EMPTY = '-'

/** Inputs as a text: one a line in hex, `-` for the empty one; lines that begin with `#` say something to people. */
export function writeCorpus(name: string, inputs: readonly Uint8Array[]): string {
  const lines = inputs.map((input) => (input.length === 0 ? EMPTY : Buffer.from(input).toString('hex')))
  return `${[`# Kept inputs of the fuzz target ${name}: npm run sim:fuzz -- ${name} --save`, ...lines].join('\n')}\n`
}

/** Throws with the number of the line where there is something else. */
export function readCorpus(text: string): Uint8Array[] {
  return text.split('\n').flatMap((line, at) => {
    if (line === '' || line.startsWith('#')) return []
    if (line !== EMPTY && !/^([0-9a-f]{2})+$/.test(line))
      throw new Error(`line ${at + 1}: expected hex, or - for no bytes, got ${line.slice(0, 40)}`)
    return [line === EMPTY ? new Uint8Array(0) : Uint8Array.from(Buffer.from(line, 'hex'))]
  })
}

/** Inputs kept of a target; none where it is new. */
export function loadCorpus(name: string): Uint8Array[] {
  const path = pathOf(name)
  return existsSync(path) ? readCorpus(readFileSync(path, 'utf8')) : []
}

export function saveCorpus(name: string, inputs: readonly Uint8Array[]): void {
  writeFileSync(pathOf(name), writeCorpus(name, inputs))
}

function pathOf(name: string): string {
  return join(FOLDER, `${name}.txt`)
}

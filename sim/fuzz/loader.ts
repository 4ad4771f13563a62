import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { counters, COUNTERS_MAX } from './counters.ts'
import { instrument } from './instrument.ts'

const ROOT = join(import.meta.dirname, '../..')
const COUNTERS = pathToFileURL(join(import.meta.dirname, 'counters.ts')).href
/** Code whose branches count: ours, and not what drives it. */
const COUNTED = /^(src\/.*|sim\/attacks\/plan\/.*)\.ts$/

/** What is known of the instrumented code that has been loaded. */
export interface Loaded {
  branches: number
  readonly literals: Set<string | number>
}

/** From now on modules of ours that this thread loads count their branches. Node only. */
export function countBranches(): Loaded {
  const loaded: Loaded = { branches: 0, literals: new Set() }
  registerHooks({
    load(url, context, nextLoad) {
      const path = url.startsWith('file:') ? fileURLToPath(url) : ''
      const name = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : ''
      if (!COUNTED.test(name)) return nextLoad(url, context)
      const { text, branches, literals } = instrument(readFileSync(path, 'utf8'), name, loaded.branches, COUNTERS)
      loaded.branches += branches
      if (loaded.branches > COUNTERS_MAX) throw new Error(`more than ${COUNTERS_MAX} branches`)
      for (const literal of literals) loaded.literals.add(literal)
      return { format: 'module-typescript', source: text, shortCircuit: true }
    },
  })
  return loaded
}

export { counters }

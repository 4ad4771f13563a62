import { picture, type Moment } from './demo/picture.ts'
import { readSamples, type Samples } from './demo/readings.ts'
import { openStage } from './demo/stage.ts'
import { Strangers } from './demo/strangers.ts'
import { Clients } from './demo/visitors.ts'

export interface DemoOptions {
  /** Seconds; undefined: until Ctrl-C. */
  readonly timeSec: number | undefined
  /** A folder for configuration, state and trace of the proxy; undefined: nothing stays. */
  readonly record?: string | undefined
}

const FRAME_MS = 500
/** Without a terminal a frame is printed this often. */
const PLAIN_EVERY = 4
const HOME = '\x1b[H\x1b[2J'

/** The demo until its time is over or somebody ends it; true when every file came whole. */
export async function runDemo({ timeSec, record }: DemoOptions): Promise<boolean> {
  const stage = await openStage(record)
  const clients = new Clients(stage)
  const strangers = new Strangers(stage)
  clients.start()
  strangers.start()
  const startedAt = performance.now()
  const isTerminal = process.stdout.isTTY
  let before: { readonly at: number; readonly samples: Samples } | undefined
  let isStopped = false
  const stop = () => (isStopped = true)
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  for (let frame = 0; !isStopped; frame++) {
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS))
    const samples = readSamples(await stage.metrics())
    const at = performance.now()
    const elapsedSec = (at - startedAt) / 1000
    if (timeSec !== undefined && elapsedSec >= timeSec) stop()
    const moment: Moment = {
      samples,
      before: before?.samples ?? samples,
      sinceSec: before === undefined ? 0 : (at - before.at) / 1000,
      elapsedSec,
      clients: clients.counts,
      attacks: strangers.counts,
      runtime: stage.runtime.name,
    }
    before = { at, samples }
    const text = picture(moment).join('\n')
    if (isTerminal) process.stdout.write(`${HOME}${text}\n\n  Ctrl-C ends it.\n`)
    else if (isStopped || frame % PLAIN_EVERY === 0) process.stdout.write(`${text}\n\n`)
  }
  clients.stop()
  strangers.stop()
  await stage.close()
  const good = clients.counts.reduce((sum, { files }) => sum + files, 0)
  const bad = clients.counts.reduce((sum, count) => sum + count.bad, 0)
  if (record !== undefined)
    process.stdout.write(`Recorded: palisade sim replay ${record}/trace --config ${record}/palisade.toml\n`)
  process.stdout.write(`${good} files came whole, ${bad} did not.\n`)
  return good > 0 && bad === 0
}

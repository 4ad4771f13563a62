import { total, type Samples } from './readings.ts'

/** What a frame of the picture shows. */
export interface Moment {
  readonly samples: Samples
  /** An earlier moment, for rates, and the seconds since. */
  readonly before: Samples
  readonly sinceSec: number
  readonly elapsedSec: number
  /** By mode: clients connected now, files downloaded, of which checked wrong. */
  readonly clients: readonly {
    readonly mode: string
    readonly live: number
    readonly files: number
    readonly bad: number
  }[]
  /** By kind of attack: how often it was made, and what came of it last. */
  readonly attacks: readonly { readonly name: string; readonly made: number; readonly seen: string }[]
  readonly runtime: string
}

const WIDTH = 78
const BAR = 20
const BAR_FULL_MB = 100

/** One frame as lines of text, at most 78 columns each. */
export function picture(moment: Moment): readonly string[] {
  const { samples, clients, attacks, elapsedSec, runtime } = moment
  const down = rateMb(moment, 'direction="dc_to_client"')
  const up = rateMb(moment, 'direction="client_to_dc"')
  const lag = (total(samples, 'palisade_event_loop_lag_seconds') * 1000).toFixed(0)
  const memory = (total(samples, 'palisade_memory_bytes', 'kind="rss"') / 1e6).toFixed(0)
  const live = clients.reduce((sum, client) => sum + client.live, 0)
  const made = attacks.reduce((sum, attack) => sum + attack.made, 0)
  const open = total(samples, 'palisade_connections')
  const turnedAway = total(samples, 'palisade_rejects_total')
  return [
    `Palisade demo: everything on this machine, nothing leaves it. ${elapsedSec.toFixed(0)} s`,
    '',
    '  clients            Palisade                          simulated Telegram',
    `  ${pad(`${live} connected`, 17)}  ==>  ${pad(`${open} open, ${runtime}`, 22)}  ==>  DC 1-5`,
    `  strangers          ${memory} MB, loop ${lag} ms late`,
    `  ${pad(`${made} attempts`, 17)}  -->  ${pad(`${turnedAway} turned away`, 22)}  -->  mask web site`,
    '',
    `  down ${bar(down)} ${down.toFixed(1)} MB/s   up ${up.toFixed(2)} MB/s`,
    '',
    '  secret     connected  handshakes  files, each byte checked',
    ...clients.map(({ mode, live: now, files, bad }) => {
      const handshakes = total(samples, 'palisade_handshakes_total', `mode="${mode}"`)
      return `  ${pad(mode, 9)}  ${pad(String(now), 9)}  ${pad(String(handshakes), 10)}  ${files} good, ${bad} bad`
    }),
    '',
    '  who else came        times  what they saw',
    ...attacks.map(({ name, made, seen }) => `  ${pad(name, 19)}  ${pad(String(made), 5)}  ${seen}`),
    '',
    `  closed: ${reasons(samples)}`,
  ].map((line) => line.slice(0, WIDTH))
}

function rateMb({ samples, before, sinceSec }: Moment, label: string): number {
  const bytes = total(samples, 'palisade_bytes_total', label) - total(before, 'palisade_bytes_total', label)
  return sinceSec > 0 ? bytes / sinceSec / 1e6 : 0
}

function bar(rateMbPerSec: number): string {
  const full = Math.min(BAR, Math.round((rateMbPerSec / BAR_FULL_MB) * BAR))
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`
}

function reasons(samples: Samples): string {
  const counts: string[] = []
  for (const [key, value] of samples) {
    const reason = /^palisade_connections_total\{.*reason="([a-z-]+)"/.exec(key)?.[1]
    if (reason !== undefined && value > 0) counts.push(`${reason} ${value}`)
  }
  return counts.length === 0 ? 'none yet' : counts.join(', ')
}

function pad(text: string, width: number): string {
  return text.padEnd(width)
}

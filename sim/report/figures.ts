/** Figures as people read them: for terminals and pages alike. */

/** `1234567` as `1,234,567`; at most two decimals. */
export function number(value: number): string {
  const [whole, part] = String(Math.round(value * 100) / 100).split('.')
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return part === undefined ? grouped : `${grouped}.${part}`
}

/** A share of 0..1. What is less than all of it does not read as 100.00 %. */
export function percent(share: number): string {
  const hundredths = Math.round(10_000 * share)
  return `${((share < 1 ? Math.min(9_999, hundredths) : hundredths) / 100).toFixed(2)} %`
}

/** Undefined: it never came to that. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return 'never'
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

export function size(bytes: number): string {
  if (bytes < 10_240) return `${bytes} B`
  return bytes < 10 << 20 ? `${Math.round(bytes / 1024)} KB` : `${Math.round(bytes / (1 << 20))} MB`
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A moment of a run, ms since its start: `0.5s`, `40s`, `1m20s`, `2h5m`. */
export function moment(ms: number): string {
  if (ms < MINUTE) return `${number(ms / 1000)}s`
  const [big, small] = ms < HOUR ? [MINUTE, 1000] : [HOUR, MINUTE]
  const [bigName, smallName] = ms < HOUR ? ['m', 's'] : ['h', 'm']
  const rest = Math.floor((ms % big) / small)
  return `${Math.floor(ms / big)}${bigName}${rest === 0 ? '' : `${rest}${smallName}`}`
}

/** `1 seed`, `2 seeds`. */
export function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

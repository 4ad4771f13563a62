import { InvalidArgumentError } from 'commander'
import { formatDuration, readDuration } from '../config/values/time.ts'
import { parseCidr, parseIp } from '../core/address.ts'

/** Parses an option's whole number, both ends included. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const found = Number(text)
    if (/^\d{1,15}$/.test(text) && found >= min && found <= max) return found
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

/** Parses a duration into milliseconds, both ends included. */
export function durationOf(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const found = readDuration(text)
    if (found !== undefined && found >= minMs && found <= maxMs) return found
    const [from, to] = [formatDuration(minMs), formatDuration(maxMs)]
    throw new InvalidArgumentError(`Expected a duration from ${from} to ${to} such as 10m, 2h or 7d.`)
  }
}

/** An IP address or a range, as it was written. */
export function prefix(text: string): string {
  if (parseCidr(text) !== undefined) return text
  throw new InvalidArgumentError('Expected an IP address or a range such as 192.0.2.0/24 or 2001:db8::/48.')
}

export function ipAddress(text: string): string {
  if (parseIp(text) !== undefined) return text
  throw new InvalidArgumentError('Expected an IP address such as 192.0.2.1 or 2001:db8::1.')
}

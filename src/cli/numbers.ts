import { InvalidArgumentError } from 'commander'

/** Parses an option's whole number, both ends included. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const found = Number(text)
    if (/^\d{1,15}$/.test(text) && found >= min && found <= max) return found
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

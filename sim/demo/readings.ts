/** Samples of a metrics page: name with labels, as it is written there, to value. */
export type Samples = ReadonlyMap<string, number>

const SAMPLE = /^(palisade_[a-z_]+)(\{[^}]*\})? ([0-9.e+-]+)$/

/** Reads the text form of Prometheus, as far as our own page goes. */
export function readSamples(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = SAMPLE.exec(line)
    if (match !== null) samples.set(`${match[1]}${match[2] ?? ''}`, Number(match[3]))
  }
  return samples
}

/** The sum over all samples of that name that carry the label, or of all; 0 when there are none. */
export function total(samples: Samples, name: string, label = ''): number {
  let sum = 0
  for (const [key, value] of samples) {
    if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) sum += value
  }
  return sum
}

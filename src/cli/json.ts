/** As all commands name what scripts read. */
export function snakeCased(found: unknown): unknown {
  if (Array.isArray(found)) return found.map(snakeCased)
  if (typeof found !== 'object' || found === null) return found
  const nameOf = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [nameOf(key), snakeCased(value)]))
}

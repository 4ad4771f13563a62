const COLOURS: Readonly<Record<string, string>> = { error: '31', warn: '33', info: '32', debug: '90' }

/** A JSON log line for people: `06:18:52 INFO  listening  message  key=value`. */
export function prettyLine(json: string, hasColour: boolean): string {
  const { time, level, event, msg, ...rest } = JSON.parse(json) as Record<string, string>
  const name = level.toUpperCase().padEnd(5)
  const shown = hasColour ? `\x1b[${COLOURS[level] ?? '0'}m${name}\x1b[0m` : name
  const fields = Object.entries(rest).map(
    ([key, found]) => `${key}=${typeof found === 'string' ? found : JSON.stringify(found)}`,
  )
  return `${[time.slice(11, 19), shown, event.padEnd(16), msg, ...fields].join(' ').trimEnd()}\n`
}

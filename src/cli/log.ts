import { pino } from 'pino'
import type { LoadedConfig } from '../config/load.ts'
import { Log, type Fields } from '../observe/log.ts'
import { EXIT } from './exit.ts'
import { hasColour } from './output.ts'

/** The program's log, on stderr; `fields` stand in every line. */
export function createLog({ config }: LoadedConfig, fields: Fields = {}): Log {
  const stderr = pino.destination({ dest: 2, sync: true })
  return new Log({
    ...config.log,
    fields,
    write: (line) => void stderr.write(line),
    mono: () => performance.now(),
    hasColour: hasColour(process.stderr),
  })
}

/** What nobody caught leaves us in no known state: one line, and an end that a supervisor sees. */
export function dieOnFaults(log: Log): void {
  const die = (error: unknown) => {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
    log.write('error', 'crashed', message, { stack })
    process.exit(EXIT.failed)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
}

import { processOf } from '../scenarios/process.ts'

/** Connections of a process that was buried are nobody's any more. */
export function forgetOf(process: number, connections: Map<number, unknown> | Set<number>): void {
  for (const connection of connections.keys()) if (processOf(connection) === process) connections.delete(connection)
}

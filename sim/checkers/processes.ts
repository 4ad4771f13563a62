import { processOf } from '../scenarios/process.ts'

/** Connections of a process that was buried are nobody's any more. */
export function forgetOf(pid: number, connections: Map<number, unknown> | Set<number>): void {
  for (const connection of connections.keys()) if (processOf(connection) === pid) connections.delete(connection)
}

import { OVERLOAD_RESOURCES } from '../../src/core/events.ts'
import type { GuardSettings, OverloadSettings, Settings } from '../../src/core/settings.ts'
import { knowsHosts } from './terms.ts'
import type { Timeline } from './timeline.ts'

/** A list of addresses that a replay cannot ask. */
export interface MissingList {
  /** As logs may have it. */
  readonly name: string
  /** One line. */
  readonly why: string
}

export interface NotesOptions {
  readonly timeline: Timeline
  readonly next: Settings | undefined
  readonly hasKey: boolean
  readonly missing: readonly MissingList[]
  readonly stateFolder: string
}

/** What a replay leaves out, and whoever reads its result should know. */
export function notesOf({ timeline, next, hasKey, missing, stateFolder }: NotesOptions): string[] {
  const { configs, lost } = timeline
  const notes: string[] = []
  if (!hasKey)
    notes.push(
      `addresses are pseudonyms, since their key is not in ${stateFolder}: rules on addresses are not evaluated, ` +
        'nor are lists of them, and everybody keeps the level of the recording',
    )
  if (lost > 0) notes.push(`${lost} records were lost when this was recorded: the disk was too slow`)
  if (configs.length > 1) notes.push(`the configuration was changed ${configs.length - 1} times during the recording`)
  if (next === undefined) return [...notes, 'no other configuration was given: nothing can differ']
  if (!knowsHosts(timeline))
    notes.push(
      'the budget of secret trials is not evaluated: an older version recorded this, without the hosts of users',
    )
  for (const { name, why } of missing)
    notes.push(
      `access.lists: ${name} is not evaluated, since ${why}: what it said of an address when it came still holds`,
    )
  if (configs.some(({ guard }) => !isSameOverload(guard.overload, next.guard.overload)))
    notes.push('guard.overload is not replayed: how short things were is taken from the recording')
  return [...notes, ...idleNotes(next.guard)]
}

function isSameOverload(a: OverloadSettings, b: OverloadSettings): boolean {
  return OVERLOAD_RESOURCES.every((name) => a[name].from === b[name].from && a[name].to === b[name].to)
}

function idleNotes({ isEnabled, isDryRun }: GuardSettings): string[] {
  if (!isEnabled) return ['guard.enabled is false in the new configuration: it refuses nobody by its limits']
  return isDryRun ? ['guard.dry_run is true in the new configuration: it refuses nobody by its limits'] : []
}

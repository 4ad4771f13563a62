import type { AccessSettings, GuardSettings, Settings } from '../../src/core/settings.ts'
import { digestOf, type RecordedConfig } from '../../src/observe/trace/recorded.ts'
import type { Timeline } from './timeline.ts'

export interface NotesOptions {
  readonly timeline: Timeline
  readonly next: Settings | undefined
  readonly hasKey: boolean
  readonly stateFolder: string
}

/** What a replay leaves out, and whoever reads its result should know. */
export function notesOf({ timeline, next, hasKey, stateFolder }: NotesOptions): string[] {
  const { configs, lost } = timeline
  const notes: string[] = []
  if (!hasKey)
    notes.push(
      `addresses are pseudonyms, since their key is not in ${stateFolder}: rules on addresses are not evaluated, ` +
        'and everybody keeps the level of the recording',
    )
  if (lost > 0) notes.push(`${lost} records were lost when this was recorded: the disk was too slow`)
  if (configs.length > 1) notes.push(`the configuration was changed ${configs.length - 1} times during the recording`)
  if (next === undefined) return [...notes, 'no other configuration was given: nothing can differ']
  const recorded = configs[0]
  if (!isSameLists(recorded, next.access))
    notes.push('access.lists are not read: what they said of an address when it came still holds')
  if (JSON.stringify(recorded.guard.overload) !== JSON.stringify(next.guard.overload))
    notes.push('guard.overload is not replayed: how short things were is taken from the recording')
  return [...notes, ...idleNotes(next.guard)]
}

function idleNotes({ isEnabled, isDryRun }: GuardSettings): string[] {
  if (!isEnabled) return ['guard.enabled is false in the new configuration: it refuses nobody by its limits']
  return isDryRun ? ['guard.dry_run is true in the new configuration: it refuses nobody by its limits'] : []
}

function isSameLists({ access }: RecordedConfig, { lists }: AccessSettings): boolean {
  const now = lists.map(({ source, level }) => ({ digest: digestOf(source), level }))
  return JSON.stringify(access.lists) === JSON.stringify(now)
}

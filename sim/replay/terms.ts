import type { AccessLevel } from '../../src/core/guard/access/levels.ts'
import type { Prefixes } from '../../src/core/guard/access/prefixes.ts'
import { RuleSet } from '../../src/core/guard/access/rule-set.ts'
import type { AccessSettings, GuardSettings, SecretSettings } from '../../src/core/settings.ts'
import { digestOf, type Policy, type RecordedConfig, type RecordedUser } from '../../src/observe/trace/recorded.ts'
import type { Timeline, Visit } from './timeline.ts'

/** By what a replay decides. */
export interface Terms {
  readonly guard: GuardSettings
  /** By name; hosts are digests. */
  readonly users: ReadonlyMap<string, SecretSettings>
  /** What the access rules say of an address, and the lists that could be had. */
  readonly levelOf: (ip: Uint8Array) => AccessLevel
}

/**
 * What lists say now, by the digests of their sources: the same of both configurations, so that what has changed of a list since the
 * recording is no difference. One that could not be had is in neither.
 */
export type Listed = ReadonlyMap<string, Prefixes>

/** Names are users to a replay; keys play no part. Ids are for the core, which wants some. */
export class Names {
  readonly #ids = new Map<string, number>()

  idOf(name: string): number {
    const id = this.#ids.get(name) ?? this.#ids.size + 1
    this.#ids.set(name, id)
    return id
  }
}

export function recordedTerms({ guard, access, users }: RecordedConfig, names: Names, listed: Listed): Terms {
  const asSettings = ({ name, access: most, modes, expiresAt, limits, host = '' }: RecordedUser): SecretSettings => ({
    ...{ id: names.idOf(name), name, access: most, modes, expiresAt, domain: host, onRemove: 'drain' },
    limits: { ...limits, quota: limits.quota },
  })
  return {
    guard,
    users: new Map(users.map((user) => [user.name, asSettings(user)])),
    levelOf: levelsOf(access, access.lists, listed),
  }
}

export function newTerms({ guard, access, secrets }: Policy, names: Names, listed: Listed): Terms {
  const lists = access.lists.map(({ source, level }) => ({ digest: digestOf(source), level }))
  return {
    guard,
    users: new Map(secrets.map((secret) => [secret.name, asRecorded(secret, names)])),
    levelOf: levelsOf(access, lists, listed),
  }
}

function asRecorded(secret: SecretSettings, names: Names): SecretSettings {
  const { name, domain } = secret
  return { ...secret, id: names.idOf(name), domain: domain === '' ? '' : digestOf(domain) }
}

/** Whether it is known which users share a host: without, nobody knows what a hello made us try. */
export function knowsHosts({ configs }: Pick<Timeline, 'configs'>): boolean {
  return configs.every(({ users }) =>
    users.every(({ modes, host }) => host !== undefined || !modes.includes('fake-tls')),
  )
}

function levelsOf(rules: Omit<AccessSettings, 'lists'>, lists: RecordedConfig['access']['lists'], listed: Listed) {
  const loaded = lists.flatMap(({ digest, level }, place) => {
    const prefixes = listed.get(digest)
    return prefixes === undefined ? [] : [{ level, place, prefixes }]
  })
  const steps = RuleSet.make({ ...rules, lists: [] }, loaded)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return (ip: Uint8Array) => step.value.levelOf(ip)
  }
}

/** The level of a visit under some terms. */
export type LevelOf = (visit: Visit) => AccessLevel

/** As it was. */
export const recordedLevel: LevelOf = ({ level }) => level

/**
 * Where the rules of both say the same of an address, what was recorded holds, since a list may have said it that could not be had,
 * or that has changed since; where they differ, what the new ones say. Without the key nobody knows whom rules are about, and what was
 * recorded holds.
 */
export function newLevel(next: Terms, recorded: readonly Terms[], hasKey: boolean): LevelOf {
  if (!hasKey) return recordedLevel
  return ({ bytes, level, config }) => {
    const now = next.levelOf(bytes)
    return recorded[config].levelOf(bytes) === now ? level : now
  }
}

/** Bytes that users had used of their quotas when the recording began, for whoever has the same period. */
export function usedAtStart({ configs }: Timeline): ReadonlyMap<string, RecordedUser> {
  return new Map(configs.at(0)?.users.map((user) => [user.name, user]))
}

import { connectedShare } from '../attacks/judge.ts'
import type { RunOutline, RunReport } from './data.ts'
import { counted, number, percent, sum } from './figures.ts'

export function isHeld({ verdicts }: Pick<RunOutline, 'verdicts'>): boolean {
  return verdicts.every((verdict) => verdict.isHeld)
}

/** What a run came to, in a sentence or two. */
export function leadOf({ run, verdicts, spans }: Pick<RunReport, 'run' | 'verdicts' | 'spans'>): {
  readonly verdict: string
  readonly text: string
} {
  const held = verdicts.filter((verdict) => verdict.isHeld).length
  const failed = verdicts.filter((verdict) => !verdict.isHeld).map(({ assertion }) => assertion)
  const verdict =
    failed.length === 0
      ? `Held: ${held} of ${counted(verdicts.length, 'assertion')}.`
      : `Failed: ${failed.join(', ')} (${held} of ${counted(verdicts.length, 'assertion')} held).`
  return { verdict, text: `${honestOf(run)}${attackersOf(run.attack)}.${outagesOf(spans)}` }
}

const GROUPS_MAX = 3

/** `100.00 % of 1,170 attempts of homes came to an answer`; several groups one after the other. */
function honestOf(run: RunReport['run']): string {
  const all = run.honest.map(({ name, attempts, connected }) => ({
    name,
    attempts,
    share: connected / Math.max(1, attempts),
  }))
  const total = {
    name: 'honest clients',
    attempts: sum(all.map(({ attempts }) => attempts)),
    share: connectedShare(run.honest),
  }
  const told = all.length > GROUPS_MAX ? [total] : all
  const each = told.map(
    ({ name, attempts, share }) => `${percent(share)} of ${counted(attempts, 'attempt')} of ${name}`,
  )
  return `${each.join(' and ')} came to an answer`
}

function attackersOf(attack: RunReport['run']['attack']): string {
  const came = sum(attack.map(({ connections }) => connections))
  if (came === 0) return ''
  const served = sum(attack.map((group) => group.served))
  const got =
    served === 0
      ? 'got nothing but the mask or silence'
      : `came, and ${number(served)} of them were answered as clients are`
  return `, while ${counted(came, 'connection')} of attackers ${got}`
}

/** ` There was 1 outage.`, ` There were 1 outage and 2 faults.`, or nothing. */
function outagesOf(spans: RunReport['spans']): string {
  const faults = spans.filter(({ kind }) => kind === 'fault').length
  const outages = spans.filter(({ kind }) => kind !== 'attack').length - faults
  const told = [
    ...(outages === 0 ? [] : [counted(outages, 'outage')]),
    ...(faults === 0 ? [] : [counted(faults, 'fault')]),
  ]
  if (told.length === 0) return ''
  return ` There ${outages + faults === 1 ? 'was' : 'were'} ${told.join(' and ')}.`
}

import { afterAll, describe, expect, it } from 'vitest'
import { makeToken, newTokens, removeTokens } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { FAKE_TLS } from './config.ts'
import { Crowd, type Visit } from './crowd.ts'
import { HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { PALISADE, RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

const CLIENTS = 50
const VISITS = 150
/** The old links' clients are strangers at the end, and share one address with the others. */
const MORE = `${hsmTable()}\n[guard]\nenabled = false`
const OLD = FAKE_TLS.key

afterAll(removeTokens)

describe.each(RUNTIMES.flatMap((runtime) => [1, 2].map((workers) => ({ runtime, workers }))))(
  'a secret that is rotated under load, on $runtime with $workers process(es)',
  ({ runtime, workers }) => {
    it('keeps old and new links alive while they overlap, and ends the old ones alone', async () => {
      newTokens()
      makeToken()
      await importSecret(runtime, FAKE_TLS)
      const settings = { secrets: labelled([FAKE_TLS]), listen: `workers = ${workers}`, more: MORE }
      const stage = await Stage.open(runtime, settings, undefined, () => ({ environment: HSM_ENVIRONMENT }))
      const palisade = async (...words: string[]) => {
        const args = [PALISADE, ...words, '--config', stage.home.configFile, '--runtime', runtime]
        const { code, stdout, stderr } = await runToEnd('sh', args, { env: HSM_ENVIRONMENT })
        expect(code, stderr).toBe(0)
        return { stdout, stderr }
      }
      const crowd = new Crowd(stage.program.port, new Array<string>(CLIENTS).fill(OLD), 'before')
      try {
        await crowd.more(OLD, VISITS)
        const rotated = await palisade('hsm', 'rotate', '--label', FAKE_TLS.name, '--host', '127.0.0.1')
        expect(rotated.stderr).toContain('the running proxy has taken it over')
        const [, fresh] = /secret=ee([0-9a-f]{32})/.exec(rotated.stdout) ?? expect.fail(rotated.stdout)
        expect(stage.program.output).not.toContain(fresh)

        crowd.phase = 'overlap'
        for (let at = 0; at < CLIENTS; at += 2) crowd.give(at, fresh)
        await Promise.all([crowd.more(OLD, VISITS), crowd.more(fresh, VISITS)])
        crowd.phase = 'retiring'
        await palisade('hsm', 'rotate', '--label', FAKE_TLS.name, '--retire')
        const masked = stage.mask.tap.recordings.length
        crowd.phase = 'retired'
        await Promise.all([crowd.more(OLD, VISITS), crowd.more(fresh, VISITS)])
        expect(stage.mask.tap.recordings.length - masked).toBeGreaterThanOrEqual(VISITS)

        crowd.phase = 'destroying'
        await palisade('hsm', 'destroy', '--label', FAKE_TLS.name, '--force')
        crowd.phase = 'destroyed'
        await crowd.more(fresh, VISITS)
        await crowd.stop()

        expect(outcomes(crowd.visits, OLD, ['before', 'overlap'])).toEqual(new Set(['answered']))
        expect(outcomes(crowd.visits, OLD, ['retired', 'destroying', 'destroyed'])).toEqual(new Set(['turned-away']))
        expect(outcomes(crowd.visits, fresh, ['overlap', 'retiring', 'retired'])).toEqual(new Set(['answered']))
        expect(outcomes(crowd.visits, fresh, ['destroyed'])).toEqual(new Set(['turned-away']))

        const { rows } = JSON.parse((await palisade('events', '--json')).stdout) as { rows: HsmEvent[] }
        const acts = rows.filter(({ code }) => code.startsWith('hsm.'))
        expect(acts.map(({ code, details }) => [code, details.label, details.result])).toEqual(
          ['rotate', 'retire', 'destroy'].map((act) => [`hsm.${act}`, FAKE_TLS.name, 'done']),
        )
        expect(acts.every(({ details }) => details.actor.startsWith('uid '))).toBe(true)
      } finally {
        await crowd.stop()
        await stage.close()
      }
    })
  },
)

interface HsmEvent {
  readonly code: string
  readonly details: Readonly<Record<'actor' | 'label' | 'result', string>>
}

/** What became of those with that key that both began and ended in one of these phases. */
function outcomes(visits: readonly Visit[], key: string, phases: readonly string[]): ReadonlySet<string> {
  const meant = visits.filter((one) => one.key === key && phases.includes(one.began) && phases.includes(one.ended))
  return new Set(meant.map(({ outcome }) => outcome))
}

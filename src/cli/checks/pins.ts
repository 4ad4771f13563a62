import { isValid, pinName, whyTooFew, type Pin } from '../../trust/pins.ts'
import { toPinSettings, type PinSettings } from '../../trust/policy.ts'
import type { CheckInput, Finding } from './finding.ts'

const DAY_SEC = 86_400
/** Time enough to learn of a new key and to roll it out. */
const SOON_SEC = 30 * DAY_SEC

/** Whether the pins will do: now, and when those that end soon have ended. Nobody is contacted. */
export function checkPins({ loaded, wallSec }: CheckInput): Promise<readonly Finding[]> {
  return Promise.resolve(pinFindings(toPinSettings(loaded.config.pinning), wallSec))
}

export function pinFindings({ mode, pins }: PinSettings, nowSec: number): Finding[] {
  if (mode === 'off') return []
  if (mode === 'strict' && pins.size === 0)
    return [{ level: 'warn', check: 'pins', message: 'strict, and no host is pinned: no host is contacted over TLS' }]
  return [...pins].flatMap(([host, its]) => hostFindings(host, its, mode === 'strict', nowSec))
}

function hostFindings(host: string, pins: readonly Pin[], isStrict: boolean, nowSec: number): Finding[] {
  const finding = (level: Finding['level'], message: string): Finding => ({ level, check: 'pins', message })
  const lackAt = (atSec: number) => lack(pins, isStrict, atSec)
  const now = lackAt(nowSec)
  const findings = now === undefined ? [] : [finding(isStrict ? 'fail' : 'warn', `${host}: ${now}`)]
  for (const pin of pins) {
    if (pin.untilSec > nowSec + SOON_SEC) continue
    const name = `${host}: ${pinName(pin)}`
    const day = new Date(pin.untilSec * 1000).toISOString().slice(0, 10)
    if (pin.untilSec <= nowSec) findings.push(finding('warn', `${name} ended on ${day}; take it out`))
    else {
      const days = Math.floor((pin.untilSec - nowSec) / DAY_SEC)
      const then = now === undefined ? lackAt(pin.untilSec) : undefined
      const more = then === undefined ? '' : `; then ${then}`
      findings.push(finding('warn', `${name} ends on ${day}, in ${days} ${days === 1 ? 'day' : 'days'}${more}`))
    }
  }
  if (findings.length > 0) return findings
  const count = new Set(pins.filter((pin) => isValid(pin, nowSec)).map(pinName)).size
  return [finding('ok', `${host} has ${count} valid ${count === 1 ? 'pin' : 'pins'}`)]
}

/** What is missing for the host to be contacted and trusted. */
function lack(pins: readonly Pin[], isStrict: boolean, atSec: number): string | undefined {
  if (!isStrict) return pins.some((pin) => isValid(pin, atSec)) ? undefined : 'no pin of it is valid'
  const why = whyTooFew(pins, atSec)
  return why === undefined ? undefined : `it is not contacted: ${why}`
}

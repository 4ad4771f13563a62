import { checkAccess } from './access.ts'
import { checkClock } from './clock.ts'
import { checkDcs } from './dcs.ts'
import { checkDns } from './dns.ts'
import type { Check } from './finding.ts'
import { checkHsm } from './hsm.ts'
import { checkMask } from './mask.ts'
import { checkMiddle } from './middle.ts'
import { checkPins } from './pins.ts'
import { checkPorts } from './ports.ts'
import { checkSecrets } from './secrets.ts'
import { checkState } from './state.ts'

/** In the order of their lines. */
export const CHECKS: readonly Check[] = [
  checkState,
  checkSecrets,
  checkHsm,
  checkPorts,
  checkClock,
  checkDns,
  checkMask,
  checkDcs,
  checkPins,
  checkMiddle,
  checkAccess,
]

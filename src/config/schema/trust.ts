import { z } from 'zod'
import { key, section } from '../key.ts'
import { sha256 } from '../values/digest.ts'
import { host } from '../values/net.ts'
import { pinSource } from '../values/pin-source.ts'
import { duration, instant } from '../values/time.ts'
import { anyText, boolean, integer, list, oneOf, optional } from '../values/value.ts'

export const pinning = section(
  { doc: 'Certificates we insist on when we speak TLS to others.', reload: 'hot' },
  {
    mode: key(
      oneOf('off', 'warn', 'strict'),
      'warn',
      'In "strict", a host without two valid pins, one of them a backup, is not contacted.',
    ),
    pins: key(
      list(
        z.strictObject({
          host: host(),
          spki_sha256: list(sha256(), 'a list of digests').prefault([]),
          certificate_sha256: list(sha256(), 'a list of digests').prefault([]),
          from: optional(instant()).prefault(''),
          until: optional(instant()).prefault(''),
          backup: boolean().prefault(false),
        }),
        'a list of pins',
      ),
      [],
      'Such as `{ host = "core.telegram.org", spki_sha256 = ["base64"], certificate_sha256 = [], from = "", until = "", backup = false }`.',
    ),
  },
)

export const hsm = section(
  { doc: 'Secrets in a hardware security module.', reload: 'restart' },
  {
    module: key(anyText('the path of a PKCS#11 module'), '', 'Such as /usr/lib/softhsm/libsofthsm2.so; "": no HSM.'),
    parameters: key(
      anyText('what the module wants to be told when it is initialised'),
      '',
      "For NSS: `configdir='sql:/DIR' certPrefix='' keyPrefix='' secmod='' flags=`. Other modules need none.",
    ),
    token: key(anyText('the label of a token', 32), '', 'Label of the token, or its serial number.'),
    pin: key(optional(pinSource()), '', 'Where the PIN is: "env:NAME" or "file:PATH".', { isSensitive: true }),
    sessions: key(integer(1, 256), 4, 'Sessions kept open by each process, beside one that owns its copies of keys.'),
    operation_timeout: key(
      duration(10, 600_000),
      '2s',
      'Longest wait for the helper process: for one answer, and for a sign of life of a module (of that at least 5s).',
    ),
    random: key(boolean(), false, "Mix the HSM's generator into the system's, unless secrets are sealed."),
    provider: key(
      oneOf('auto', 'inproc', 'helper', 'sealed'),
      'auto',
      'Where secrets are used: "inproc" in the module in each process of the proxy, "helper" in one of its own, "sealed" in our memory, ' +
        'unsealed by the token; "auto" in process where it is SoftHSM, and sealed where the module can do nothing else.',
    ),
    strict: key(boolean(), false, 'Do not start where only the sealed route is left: secrets never leave the HSM.'),
    outage: key(
      oneOf('wait', 'mask'),
      'mask',
      'What new connections get while the HSM is gone; "wait": up to `listen.handshake_timeout` for its return, then the mask.',
    ),
  },
)

import { checkMiddleCases } from './check-middle.cases.ts'
import type { Case } from './contract.ts'
import { mixedRandomCases } from './mixed-random.cases.ts'
import { nssCryptoCases, softhsmCryptoCases, softwareCryptoCases } from './crypto.cases.ts'
import { dnsCases } from './dns.cases.ts'
import { helperSocketCases } from './helper-socket.cases.ts'
import { hsmCommandCases } from './hsm-command.cases.ts'
import { hsmBackupCases, hsmKeyCases } from './hsm-keys.cases.ts'
import { ledgerCases } from './ledger.cases.ts'
import { adminSocketCases, metricsCases } from './local.cases.ts'
import { listenSocketCases } from './listen-sockets.cases.ts'
import { pkcs11Cases } from './pkcs11.cases.ts'
import { realNetworkCases } from './network.real.ts'
import { pinCommandCases } from './pin-command.cases.ts'
import { pinningCases } from './pinning.cases.ts'
import { fileSealedCases, nssSealedCases, softhsmSealedCases } from './sealed-state.cases.ts'
import { sharedMemoryCases } from './shared-memory.cases.ts'
import { storeCases } from './store.cases.ts'
import { stunCases } from './stun.cases.ts'
import { helperRandomCases, helperVaultCases, memoryVaultCases, nssVaultCases } from './vault.cases.ts'
import { sealedVaultCases, softhsmVaultCases } from './vault.cases.ts'
import { clockCases, randomCases } from './system.cases.ts'
import { traceFileCases } from './trace-file.cases.ts'

/** One suite a port, by name. */
export const suites: Readonly<Record<string, readonly Case<void>[]>> = {
  network: realNetworkCases,
  'listen-sockets': listenSocketCases,
  'shared-memory': sharedMemoryCases,
  ledger: ledgerCases,
  store: storeCases,
  'trace-file': traceFileCases,
  clock: clockCases,
  random: randomCases,
  dns: dnsCases,
  'admin-socket': adminSocketCases,
  metrics: metricsCases,
  stun: stunCases,
  'check-middle': checkMiddleCases,
  pinning: pinningCases,
  'pin-command': pinCommandCases,
  'hsm-command': hsmCommandCases,
  'hsm-keys': hsmKeyCases,
  'hsm-backup': hsmBackupCases,
  'vault-memory': memoryVaultCases,
  'vault-softhsm': softhsmVaultCases,
  'vault-helper': [...helperVaultCases, ...helperRandomCases],
  'helper-socket': helperSocketCases,
  'vault-nss': nssVaultCases,
  'vault-sealed': sealedVaultCases,
  pkcs11: pkcs11Cases,
  'mixed-random': mixedRandomCases,
  'sealed-file': fileSealedCases,
  'sealed-softhsm': softhsmSealedCases,
  'sealed-nss': nssSealedCases,
  'crypto-software': softwareCryptoCases,
  'crypto-softhsm': softhsmCryptoCases,
  'crypto-nss': nssCryptoCases,
}

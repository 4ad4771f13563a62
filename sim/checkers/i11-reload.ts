import type { SecretId } from '../../src/core/ports.ts'
import type { MakeChecker } from './index.ts'

/** I11: new settings end no live connection but those of secrets that are gone or over, where that is so configured. */
export const checkReload: MakeChecker = (scene, fail) => {
  const secrets = new Map<number, SecretId>()
  return {
    onEvent(event) {
      if (event.kind === 'entered') secrets.set(event.connection, event.secret)
      if (event.kind !== 'closed') return
      const secret = secrets.get(event.connection)
      secrets.delete(event.connection)
      const before = scene.settingsBefore
      if (before === undefined) return
      const was = before.secrets.find(({ id }) => id === secret)
      const isThere = scene.settings.secrets.some(({ id, expiresAt }) => id === secret && expiresAt === 0)
      if (was?.onRemove !== 'close' || isThere) fail(`a reload ended connection ${event.connection}: ${event.reason}`)
    },
    onCrash: () => secrets.clear(),
  }
}

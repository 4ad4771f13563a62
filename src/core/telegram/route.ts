import type { Settings, TelegramSettings } from '../settings.ts'

/** How a client gets to its DC; `none`: not at all, because its ad tag forbids the direct way. */
export type Route = 'direct' | 'middle' | 'none'

/** Whether some clients have no other way than by middle proxy. */
export function needsMiddle({ telegram: { mode }, secrets }: Settings): boolean {
  return mode === 'middle' || (mode === 'auto' && secrets.some(({ adTag }) => adTag !== undefined))
}

/** The way for one client. Middle proxies are no way while the files that name them are missing. */
export function routeFor(
  client: { readonly dc: number; readonly hasTag: boolean },
  { mode, middle }: TelegramSettings,
  isMiddleReady: boolean,
): Route {
  const isWanted = mode === 'middle' || (mode === 'auto' && (client.hasTag || middle.dcs.includes(Math.abs(client.dc))))
  if (!isWanted) return 'direct'
  if (isMiddleReady) return 'middle'
  return client.hasTag || mode === 'middle' ? 'none' : 'direct'
}

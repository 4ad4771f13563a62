import type { TelegramSettings } from '../settings.ts'

/** How a client gets to its DC; `none`: not at all, because its ad tag forbids the direct way. */
export type Route = 'direct' | 'middle' | 'none'

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

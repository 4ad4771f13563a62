import { assert } from '../../src/core/assert.ts'
import { DCS } from './stage.ts'
import type { Arena } from './arena.ts'
import type { FaultPlan } from './plan/faults.ts'
import type { Scenario } from './plan/read.ts'

const FLAP_MS = 500

/** Plans everything that goes wrong by itself in a scenario. */
export function planFaults(arena: Arena, { fault, outage, vault_outage, reloads }: Scenario): void {
  for (const { at, for: length } of outage) {
    arena.at(at, () => arena.setCutOff(true))
    arena.at(at + length, () => arena.setCutOff(false))
  }
  for (const { at, for: length } of vault_outage) {
    arena.at(at, () => arena.setVaultGone(true))
    arena.at(at + length, () => arena.setVaultGone(false))
  }
  fault.forEach((plan, at) =>
    arena.at(plan.at, () => {
      const settings = reloads[at]
      if (settings !== undefined) arena.reload(settings)
      else begin(arena, plan)
    }),
  )
}

/** The schema has seen to it that what a kind needs is there. */
function begin(arena: Arena, plan: FaultPlan): void {
  const { world, network, store } = arena
  const { kind, how, for: forMs = 0 } = plan
  const later = (run: () => void) => void world.after(forMs, run)
  const dcIps = (plan.dc === undefined ? DCS : [plan.dc]).flatMap((dc) => arena.ipsOfDc(dc))
  switch (kind) {
    case 'dc-down':
      for (const ip of dcIps) network.setReachability(ip, how)
      arena.cutOff(dcIps)
      later(() => dcIps.forEach((ip) => network.setReachability(ip, 'open')))
      return
    case 'dc-flap':
      return flap(arena, dcIps, world.now + forMs)
    case 'mask-down':
      network.setReachability(arena.siteIp, how)
      return later(() => network.setReachability(arena.siteIp, 'open'))
    case 'slow-links':
      arena.slow = { latencyMs: plan.latency ?? 0, stallMs: plan.stall ?? 0 }
      return later(() => (arena.slow = undefined))
    case 'resolver-down':
      network.isResolverFailing = true
      return later(() => (network.isResolverFailing = false))
    case 'store-down':
      store.isFailing = true
      return later(() => (store.isFailing = false))
    case 'clock-step':
      arena.clockErrorMs += plan.by ?? 0
      return
    case 'restart':
      arena.kill()
      return later(() => arena.start())
    case 'shortage': {
      const { resource, share } = plan
      assert(resource !== undefined && share !== undefined, 'a shortage is one of something')
      arena.gauges.set(resource, share)
      return later(() => arena.gauges.set(resource, 0))
    }
    case 'reload':
      assert(false, 'its settings have been applied')
  }
}

/** Out of reach for half of each second; whoever is connected then is cut off. */
function flap(arena: Arena, ips: readonly string[], untilMs: number): void {
  const { world, network } = arena
  if (world.now >= untilMs) return
  for (const ip of ips) network.setReachability(ip, 'refusing')
  arena.cutOff(ips)
  world.after(FLAP_MS, () => {
    for (const ip of ips) network.setReachability(ip, 'open')
    world.after(FLAP_MS, () => flap(arena, ips, untilMs))
  })
}

import { describe, expect, it } from 'vitest'
import {
  closeKindOf,
  DescriptorBudget,
  dialFailure,
  errorCode,
  listenError,
  plainIp,
} from '../../src/runtime/network.ts'

describe('plainIp', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:0:1', '::ffff:0:1'],
    ['::1', '::1'],
  ])('writes %s as %s', (kernel, ours) => {
    expect(plainIp(kernel)).toBe(ours)
  })
})

describe('the name of a failed dial', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['EMFILE', 'descriptors'],
    ['ENFILE', 'descriptors'],
    ['EADDRNOTAVAIL', 'error'],
    ['UNKNOWN', 'error'],
  ])('for %s is %s', (code, why) => {
    expect(dialFailure(code)).toBe(why)
  })

  it('comes from the code of an error, whatever was thrown', () => {
    expect(errorCode(Object.assign(new Error('x'), { code: 'EACCES' }))).toBe('EACCES')
    for (const thrown of [new Error('x'), Object.assign(new Error('x'), { code: 5 }), 'EACCES', undefined]) {
      expect(errorCode(thrown)).toBe('UNKNOWN')
    }
  })
})

describe('a failure to listen', () => {
  it('is one line with the place, the reason and the code', () => {
    expect(listenError({ host: '0.0.0.0', port: 443, backlog: 1 }, 'EACCES')).toEqual({
      code: 'EACCES',
      message:
        'cannot listen on 0.0.0.0:443: no permission for this port (ports below 1024 need root or CAP_NET_BIND_SERVICE) (EACCES)',
    })
  })

  it('writes IPv6 in brackets and names codes it does not know', () => {
    expect(listenError({ host: '::', port: 1, backlog: 1 }, 'EX').message).toBe(
      'cannot listen on [::]:1: the system refused (EX)',
    )
  })
})

describe('the kind of a close', () => {
  it('is a reset with any error, an end without', () => {
    expect([undefined, null, new Error('x')].map(closeKindOf)).toEqual(['end', 'end', 'reset'])
  })
})

describe('the budget of descriptors', () => {
  it.each([
    [16, 14],
    [8, 7],
    [7, 7],
    [1000, 875],
  ])('of %i accepts up to %i and dials up to all', (max, acceptMax) => {
    const budget = new DescriptorBudget(max)
    budget.open = acceptMax - 1
    expect(budget.canAccept).toBe(true)
    budget.open = acceptMax
    expect(budget.canAccept).toBe(false)
    budget.open = max - 1
    expect(budget.canDial).toBe(true)
    budget.open = max
    expect(budget.canDial).toBe(false)
  })

  it('is used up where newcomers find no place any more, or where the process has no descriptors left', () => {
    const budget = new DescriptorBudget(16)
    budget.open = 7
    expect(budget.pressure).toBe(0.5)
    budget.open = 14
    expect(budget.pressure).toBe(1)
  })

  it('is by default less than what the process may open', () => {
    const { max } = new DescriptorBudget()
    expect(max).toBeGreaterThan(100)
  })
})

import { describe, expect, it } from 'vitest'
import { load, problemOf, type LoadedConfig } from '../../src/config/load.ts'
import { readPin } from '../../src/config/pin.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { SecretRegistry } from '../../src/config/settings.ts'

const MODULE = '[hsm]\nmodule = "/usr/lib/softhsm/libsofthsm2.so"\ntoken = "palisade"\npin = "env:PIN"\n'

function secret(name: string, key: string): string {
  return `[[secret]]\nname = "${name}"\nkey = "${key}"\nmodes = ["plain"]\n`
}

function problemsOf(text: string): string[] {
  const result = load({ text, file: 'palisade.toml' })
  return 'problems' in result ? result.problems.map(formatProblem) : []
}

function loaded(text: string): LoadedConfig {
  const result = load({ text, file: '/etc/palisade/palisade.toml' })
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'))
  return result
}

describe('state.sealed', () => {
  const sealedBy = (key: string) => `${secret('a', 'b'.repeat(32))}${MODULE}[state]\nsealed = "${key}"`

  it('names a key in the token, or one in a file whose path starts at the folder of the configuration', () => {
    expect(loaded(sealedBy('hsm:state')).config.state.sealed).toEqual({ from: 'hsm', label: 'state' })
    expect(loaded(sealedBy('file:seal')).config.state.sealed).toEqual({ from: 'file', path: '/etc/palisade/seal' })
    expect(loaded(sealedBy('')).config.state.sealed).toBeUndefined()
  })

  it.each(['state', 'hsm:', 'file:', 'env:KEY', 'hsm:two words'])('refuses %j', (key) => {
    expect(problemsOf(sealedBy(key))[0]).toContain('state.sealed: expected "hsm:LABEL" or "file:PATH"')
  })

  it('wants a module for a key in a token', () => {
    expect(problemsOf(sealedBy('hsm:state').replace(MODULE, ''))).toEqual([
      'palisade.toml:6: state.sealed: expected a key that is not in a token, because hsm.module is not set, got "hsm:state"',
    ])
  })
})

describe('[hsm]', () => {
  it('has secrets in a token beside others', () => {
    const { keys, config } = loaded(secret('a', 'hsm:ann') + secret('b', 'b'.repeat(32)) + MODULE)
    expect(config.secret[0].key).toEqual({ from: 'hsm', label: 'ann' })
    expect(keys.map(({ length }) => length)).toEqual([0, 16])
  })

  it('wants a module for a key in a token, and token and PIN for a module', () => {
    expect(problemsOf(secret('a', 'hsm:ann'))).toEqual([
      'palisade.toml:3: secret.0.key: expected a key that is not in a token, because hsm.module is not set, got "hsm:ann"',
    ])
    expect(problemsOf(`${secret('a', 'hsm:ann')}[hsm]\nmodule = "/x.so"`)).toEqual([
      'palisade.toml:5: hsm.token: expected the label of a token, because hsm.module is set, got nothing',
      'palisade.toml:5: hsm.pin: expected "env:NAME" or "file:PATH", because hsm.module is set, got nothing',
    ])
  })

  it('mixes random numbers of a module only where there is one', () => {
    const text = secret('a', 'b'.repeat(32))
    for (const provider of ['inproc', 'helper'])
      expect(loaded(`${text}${MODULE}random = true\nprovider = "${provider}"`).config.hsm.random).toBe(true)
    expect(problemsOf(`${text}[hsm]\nrandom = true`)).toEqual([
      'palisade.toml:6: hsm.random: expected false, because hsm.module is not set, got true',
    ])
  })

  it.each([
    ['random = true', 'hsm.random: expected false, because sealed secrets need the token at the start alone, got true'],
    [
      'strict = true',
      `hsm.strict: expected false, because hsm.provider is "sealed", which has secrets in the proxy's memory, got true`,
    ],
  ])('has no sealed secrets together with %s', (line, problem) => {
    const text = `${secret('a', 'hsm:ann')}${MODULE}provider = "sealed"\n`
    expect(loaded(text).config.hsm.provider).toBe('sealed')
    expect(problemsOf(text + line)).toEqual([`palisade.toml:10: ${problem}`])
    expect(problemsOf(text.replace('sealed', 'auto') + line)).toEqual([])
  })

  it('takes each label once', () =>
    expect(problemsOf(secret('a', 'hsm:ann') + secret('b', 'hsm:ann') + MODULE)[0]).toContain(
      'secret.1.key: expected a key of its own; secret.0 has this one, got "hsm:ann"',
    ))

  it.each(['hsm:', 'hsm:an n', `hsm:${'a'.repeat(65)}`, 'hsm:ann (hmac)'])('refuses the label in %j', (key) =>
    expect(problemsOf(secret('a', key) + MODULE)[0]).toContain('after "hsm:" comes a label of 1 to 64 letters'),
  )

  it('repeats labels in messages, and never what looks like a key', () => {
    const key = '00112233445566778899AABBCCDDEEFF'
    const shown = problemsOf(secret('a', `hsm:${key}`))[0]
    expect(shown).toContain('got a text of 36 characters')
    expect(shown).not.toContain(key)
  })

  it.each(['1234', 'env:', 'env:A B', 'file:'])('refuses %j as a place of the PIN, and does not repeat it', (pin) => {
    const [shown] = problemsOf(secret('a', 'hsm:ann') + MODULE.replace('env:PIN', pin))
    expect(shown).toBe(
      `palisade.toml:8: hsm.pin: expected "env:NAME" or "file:PATH", got a text of ${pin.length} characters`,
    )
  })

  it('has paths start at the folder of the file, and leaves a bare name to the system', () => {
    const text = secret('a', 'hsm:ann') + MODULE
    const at = (more: string) => loaded(text.replace('/usr/lib/softhsm/', more).replace('env:PIN', 'file:pin'))
    expect(at('lib/').config.hsm.module).toBe('/etc/palisade/lib/libsofthsm2.so')
    expect(at('').config.hsm.module).toBe('libsofthsm2.so')
    expect(at('').config.hsm.pin).toEqual({ from: 'file', path: '/etc/palisade/pin' })
  })

  it('names the line of what a token says about a label', () => {
    const problem = problemOf(loaded(secret('a', 'hsm:ann') + MODULE), {
      ...{ path: ['secret', 0, 'key'], allowed: 'the label of a secret', hint: 'there is none' },
    })
    expect(formatProblem(problem)).toBe(
      '/etc/palisade/palisade.toml:3: secret.0.key: expected the label of a secret, got "hsm:ann" (there is none)',
    )
  })
})

describe('the registry of secrets', () => {
  it('keeps the id of a label, and gives the vault labels and keys apart', () => {
    const registry = new SecretRegistry()
    const first = registry.prepare(loaded(secret('a', 'hsm:ann') + secret('b', 'b'.repeat(32)) + MODULE))
    expect(first.labels).toEqual([{ id: 1, label: 'ann' }])
    expect(first.keys.map(({ id }) => id)).toEqual([2])
    const second = registry.prepare(loaded(secret('b', 'hsm:bob') + secret('c', 'hsm:ann') + MODULE))
    expect(second.labels).toEqual([
      { id: 3, label: 'bob' },
      { id: 1, label: 'ann' },
    ])
    expect(second.removed).toEqual([2])
  })
})

describe('the PIN', () => {
  const read = (text: string) => () => ({ text, mode: 0o600 })

  it('comes from the environment', () => {
    expect(readPin({ from: 'env', name: 'PIN' }, { PIN: '12 34' }, read(''))).toEqual({ pin: '12 34' })
    expect(readPin({ from: 'env', name: 'PIN' }, {}, read(''))).toEqual({
      allowed: 'a variable of the environment that is set, and PIN is not',
    })
  })

  it('comes from a file, without the end of its line', () => {
    expect(readPin({ from: 'file', path: '/pin' }, {}, read('1234\n'))).toEqual({ pin: '1234' })
    expect(readPin({ from: 'file', path: '/pin' }, {}, read('\n'))).toEqual({
      allowed: 'a PIN in /pin, which is empty',
    })
    const missing = () => {
      throw Object.assign(new Error(), { code: 'ENOENT' })
    }
    expect(readPin({ from: 'file', path: '/pin' }, {}, missing)).toEqual({
      allowed: 'a file that can be read, but /pin does not exist',
    })
  })
})

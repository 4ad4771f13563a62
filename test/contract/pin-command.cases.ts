import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Case } from './contract.ts'
import { LOCAL, makeCa, type Identity, type LocalCa } from './pinning.ca.ts'
import { serveSite, type Site } from './pinning.site.ts'

/** `palisade pin HOST`, on the runtime that runs these cases. */

const PALISADE = join(import.meta.dirname, '../../bin/palisade')

let made: LocalCa | undefined
const ca = () => (made ??= makeCa())

interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The program trusts our root beside the usual ones. */
async function pinOf(identity: Identity, run: (output: Output, site: Site) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-pin-'))
  const site = await serveSite({ identity, version: 'TLSv1.3', answer: () => {} })
  try {
    writeFileSync(join(folder, 'root.pem'), ca().root.certificate)
    const runtime = typeof Bun === 'undefined' ? 'node' : 'bun'
    const env = { PATH: process.env.PATH, PALISADE_RUNTIME: runtime, NODE_EXTRA_CA_CERTS: join(folder, 'root.pem') }
    const output = await new Promise<Output>((resolve) => {
      execFile(
        PALISADE,
        ['pin', `${LOCAL}:${site.port}`],
        { cwd: folder, env, timeout: 30_000 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
    await run(output, site)
  } finally {
    site.close()
    rmSync(folder, { recursive: true })
  }
}

export const pinCommandCases: readonly Case<void>[] = [
  {
    name: 'prints the chain of a host, root included, and asks the host for nothing',
    run: () =>
      pinOf(ca().localLeaf, async ({ code, stdout, stderr }, site) => {
        assert.deepEqual([code, stderr], [0, ''])
        assert.ok(
          stdout.includes(`\n  { host = "${LOCAL}", spki_sha256 = ["${ca().intermediate.pins.spki}"] },\n`),
          stdout,
        )
        for (const { pins } of [ca().localLeaf, ca().root])
          assert.ok(stdout.includes(`\n  # { host = "${LOCAL}", spki_sha256 = ["${pins.spki}"] },\n`), stdout)
        await site.quiet()
        assert.equal(site.connections, 1)
        assert.equal(site.visits.map(({ text }) => text).join(''), '')
      }),
  },
  {
    name: 'prints no chain that nobody should trust',
    run: async () => {
      for (const identity of [ca().selfSigned, ca().leaf])
        await pinOf(identity, ({ code, stdout, stderr }) => {
          assert.deepEqual([code, stdout], [1, ''])
          assert.match(stderr, /^palisade: localhost is not trusted: [^\n]+\n$/)
        })
    },
  },
]

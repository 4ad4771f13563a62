import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askAdminSocket, serveAdminSocket, type AdminSocket } from '../../src/runtime/admin-socket.ts'
import { serveMetrics, type MetricsServer } from '../../src/runtime/metrics-server.ts'
import type { Case } from './contract.ts'

/** What serves the operator: the admin socket and the metrics. */

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-local-'))
  try {
    await run(join(folder, 'palisade.sock'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function withSocket(run: (path: string, seen: string[]) => Promise<void>): Promise<void> {
  await inFolder(async (path) => {
    const seen: string[] = []
    const socket = await serveAdminSocket(path, (line) => {
      seen.push(line)
      return `answer to ${line}`
    })
    assert.ok(!('error' in socket))
    try {
      await run(path, seen)
    } finally {
      socket.close()
    }
  })
}

/** Sends bytes as they are, and gives what came back when the other side ended. */
function exchange(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(path, () => socket.write(text))
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

async function withMetrics(run: (server: MetricsServer) => Promise<void>): Promise<void> {
  const source = { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('palisade_connections 0\n') }
  const server = await serveMetrics({ ip: '127.0.0.1', port: 0 }, source)
  assert.ok(!('error' in server))
  try {
    await run(server)
  } finally {
    server.close()
  }
}

function ask(port: number, path: string, method = 'GET'): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type'] ?? ''), body }),
      )
    })
    asking.on('error', reject)
    asking.end()
  })
}

export const adminSocketCases: readonly Case<void>[] = [
  {
    name: 'answers one line with one line, for its owner alone',
    run: () =>
      withSocket(async (path, seen) => {
        assert.equal(statSync(path).mode & 0o777, 0o600)
        assert.equal(await askAdminSocket(path, '{"command":"status"}'), 'answer to {"command":"status"}')
        assert.deepEqual(seen, ['{"command":"status"}'])
      }),
  },
  {
    name: 'answers once, whatever comes behind the first line',
    run: () =>
      withSocket(async (path, seen) => {
        assert.equal(await exchange(path, 'one\ntwo\nthree\n'), 'answer to one\n')
        assert.deepEqual(seen, ['one'])
      }),
  },
  {
    name: 'reads no more than a short line',
    run: () =>
      withSocket(async (path, seen) => {
        assert.equal(await exchange(path, 'x'.repeat(4096) + '\n'), `answer to ${'x'.repeat(4096)}\n`)
        assert.equal(await exchange(path, 'x'.repeat(4097)), 'answer to \n')
        assert.equal(await exchange(path, 'x'.repeat(4097) + '\n'), 'answer to \n')
        assert.equal(seen.filter((line) => line === '').length, 2)
      }),
  },
  {
    name: 'takes its file away, and says that nobody listens then',
    run: () =>
      inFolder(async (path) => {
        const socket = (await serveAdminSocket(path, (line) => line)) as AdminSocket
        socket.close()
        assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
        await assert.rejects(askAdminSocket(path, 'x'), /no proxy answers on .*palisade\.sock: there is no such file/)
      }),
  },
  {
    name: 'leaves a living socket and a file that is no socket alone',
    run: () =>
      withSocket(async (path) => {
        assert.deepEqual(await serveAdminSocket(path, (line) => line), {
          error: `cannot listen on ${path}: another Palisade answers there`,
        })
        assert.equal(await askAdminSocket(path, 'still'), 'answer to still')
        writeFileSync(`${path}.txt`, 'precious')
        assert.ok('error' in (await serveAdminSocket(`${path}.txt`, (line) => line)))
        assert.equal(statSync(`${path}.txt`).size, 'precious'.length)
      }),
  },
]

export const metricsCases: readonly Case<void>[] = [
  {
    name: 'gives the metrics to GET /metrics, with and without a query',
    run: () =>
      withMetrics(async ({ address }) => {
        for (const path of ['/metrics', '/metrics?x=1']) {
          const { status, type, body } = await ask(address.port, path)
          assert.deepEqual([status, body], [200, 'palisade_connections 0\n'])
          assert.match(type, /^text\/plain; version=0\.0\.4/)
        }
      }),
  },
  {
    name: 'has nothing else',
    run: () =>
      withMetrics(async ({ address }) => {
        for (const path of ['/', '/metrics/', '/metricsx', '/../metrics'])
          assert.equal((await ask(address.port, path)).status, 404)
        assert.equal((await ask(address.port, '/metrics', 'POST')).status, 405)
      }),
  },
  {
    name: 'names a port that is taken',
    async run() {
      const other = createServer()
      const port = await new Promise<number>((resolve) => {
        other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
      })
      const source = { contentType: '', text: () => Promise.resolve('') }
      const result = await serveMetrics({ ip: '127.0.0.1', port }, source)
      other.close()
      assert.ok('error' in result)
      assert.equal(result.error.code, 'EADDRINUSE')
      assert.match(result.error.message, new RegExp(`127\\.0\\.0\\.1:${port}`))
    },
  },
]

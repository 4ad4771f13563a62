import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './child.ts'

/** SoftHSM with a switch for its failures: `faulty-module.c`, compiled for one test. */
export class FaultyModule {
  readonly folder = mkdtempSync(join(tmpdir(), 'palisade-faulty-'))
  readonly path = join(this.folder, 'faulty.so')
  readonly environment = { FAULTY_MODE: join(this.folder, 'mode'), FAULTY_LOGINS: join(this.folder, 'logins') }

  constructor() {
    const source = join(import.meta.dirname, 'faulty-module.c')
    const includes = join(ROOT, 'node_modules/pkcs11js/includes')
    execFileSync('g++', ['-x', 'c++', '-shared', '-fPIC', '-I', includes, '-o', this.path, source], { stdio: 'pipe' })
  }

  /** From its next call on, in every process. */
  set mode(mode: 'works' | 'away' | 'garbage' | 'pin' | 'keyless' | 'hang') {
    writeFileSync(this.environment.FAULTY_MODE, mode)
  }

  /** How often anybody has sent a PIN. */
  get logins(): number {
    const { FAULTY_LOGINS: file } = this.environment
    return existsSync(file) ? readFileSync(file).length : 0
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

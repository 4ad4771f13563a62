/** The words of one statement of a configuration file: everything up to a `;`. */
export interface Statement {
  /** Where it begins, from 1. */
  readonly line: number
  readonly words: readonly string[]
}

export interface TextFault {
  readonly line: number
  /** `not-text`: a byte that no such file has; nothing is read then. `no-end`: the last statement is cut off. */
  readonly reason: 'not-text' | 'no-end'
  readonly found: string
}

const LF = 0x0a
const COMMENT = 0x23
const END = 0x3b

/** Splits a file into statements: `#` starts a comment that ends with its line, blanks and line ends part words. */
export function readStatements(file: Uint8Array): { statements: Statement[]; faults: TextFault[] } {
  const reader = new StatementReader()
  for (const byte of file) {
    if (!isText(byte)) {
      const found = `byte 0x${byte.toString(16).padStart(2, '0')}`
      return { statements: [], faults: [{ line: reader.line, reason: 'not-text', found }] }
    }
    reader.take(byte)
  }
  return { statements: reader.statements, faults: reader.finish() }
}

class StatementReader {
  readonly statements: Statement[] = []
  line = 1
  #words: string[] = []
  #word = ''
  #startsAt = 1
  #isComment = false

  take(byte: number): void {
    if (byte === LF) {
      this.#endWord()
      this.line++
      this.#isComment = false
    } else if (this.#isComment) return
    else if (byte === COMMENT) {
      this.#endWord()
      this.#isComment = true
    } else if (byte === END) this.#endStatement()
    else if (byte <= 0x20) this.#endWord()
    else {
      if (this.#words.length === 0 && this.#word === '') this.#startsAt = this.line
      this.#word += String.fromCharCode(byte)
    }
  }

  finish(): TextFault[] {
    this.#endWord()
    if (this.#words.length === 0) return []
    return [{ line: this.#startsAt, reason: 'no-end', found: this.#words.join(' ') }]
  }

  #endWord(): void {
    if (this.#word !== '') this.#words.push(this.#word)
    this.#word = ''
  }

  /** A `;` with nothing before it says nothing. */
  #endStatement(): void {
    this.#endWord()
    if (this.#words.length > 0) this.statements.push({ line: this.#startsAt, words: this.#words })
    this.#words = []
  }
}

function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === LF || byte === 0x0d
}

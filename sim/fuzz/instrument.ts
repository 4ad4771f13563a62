import ts from 'typescript'

/** What instrumented code calls its counters; no code of ours has such a name. */
const NAME = '__branch'

export interface Instrumented {
  /** Still TypeScript, line for line. */
  readonly text: string
  /** Branches that were given counters `first`, `first` + 1 and so on. */
  readonly branches: number
  /** Texts and numbers that the code compares with: a dictionary for inputs. */
  readonly literals: readonly (string | number)[]
}

/**
 * Counts every branch of a module: functions, both arms of conditions, loops, cases, right sides of `&&`, `||` and `??`.
 * `counters` is the module specifier where `counters` come from.
 */
export function instrument(text: string, path: string, first: number, counters: string): Instrumented {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const pass = new Pass(source, first)
  pass.visit(source)
  const imported = `import { counters as ${NAME} } from ${JSON.stringify(counters)}; `
  return { text: imported + pass.apply(text), branches: pass.next - first, literals: [...pass.literals] }
}

class Pass {
  readonly literals = new Set<string | number>()
  next: number
  readonly #source: ts.SourceFile
  readonly #insertions: { readonly at: number; readonly order: number; readonly text: string }[] = []

  constructor(source: ts.SourceFile, first: number) {
    this.#source = source
    this.next = first
  }

  visit(node: ts.Node): void {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) return
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) this.literals.add(node.text)
    else if (ts.isNumericLiteral(node)) this.literals.add(Number(node.text))
    if (ts.isFunctionLike(node)) this.#function(node)
    else if (ts.isIfStatement(node)) this.#if(node)
    else if (ts.isIterationStatement(node, false)) this.#statement(node.statement)
    else if (ts.isCaseOrDefaultClause(node)) this.#insert(node.statements.pos, `${this.#count()};`)
    else if (ts.isCatchClause(node)) this.#statement(node.block)
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach((arm) => this.#expression(arm))
    else if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.has(node.operatorToken.kind)) this.#expression(node.right)
    ts.forEachChild(node, (child) => this.visit(child))
  }

  /** From the end to the start; at one place what was opened last comes last, and is closed first. */
  apply(text: string): string {
    const sorted = this.#insertions.sort((a, b) => b.at - a.at || b.order - a.order)
    let out = text
    for (const { at, text: piece } of sorted) out = out.slice(0, at) + piece + out.slice(at)
    return out
  }

  #count(): string {
    return `${NAME}[${this.next++}]++`
  }

  /** `order`: negative for what closes, the inner before the outer. */
  #insert(at: number, text: string, order = this.#insertions.length): void {
    this.#insertions.push({ at, text, order })
  }

  #around(node: ts.Node, before: string, after: string): void {
    this.#insert(node.getStart(this.#source), before)
    this.#insert(node.getEnd(), after, -this.#insertions.length)
  }

  #function(node: ts.SignatureDeclaration): void {
    if (!('body' in node) || node.body === undefined) return
    if (ts.isBlock(node.body)) this.#statement(node.body)
    else this.#expression(node.body)
  }

  #if({ thenStatement, elseStatement }: ts.IfStatement): void {
    const missing = elseStatement === undefined ? ` else {${this.#count()}}` : ''
    this.#statement(thenStatement, missing)
    if (elseStatement !== undefined && !ts.isIfStatement(elseStatement)) this.#statement(elseStatement)
  }

  #statement(node: ts.Statement, behind = ''): void {
    if (!ts.isBlock(node)) this.#around(node, `{${this.#count()};`, `}${behind}`)
    else this.#around(node, '', behind)
    if (ts.isBlock(node)) this.#insert(node.getStart(this.#source) + 1, `${this.#count()};`)
  }

  #expression(node: ts.Node): void {
    this.#around(node, `(${this.#count()},`, ')')
  }
}

/** What looks at its right side on one of two ways only. */
const SHORT_CIRCUITS: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
])

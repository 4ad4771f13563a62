import ts from 'typescript'
import { SIM_EDGE } from './imports.ts'
import { parse, problemAt, walk, type Problem } from './source.ts'

/** What only the operating system's side may touch: everything else is handed its clock, its randomness, its sockets. */
const OF_THE_SYSTEM = new Set([
  ...['Date', 'performance', 'process', 'Bun', 'fetch', 'WebSocket', 'Worker', 'navigator', 'global', 'globalThis'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'FinalizationRegistry', 'WeakRef', 'crypto', 'Math.random'],
])
/** What would make one seed give two traces: its result or its order differs between runtimes or machines. */
const NOT_DETERMINISTIC = new Set([
  ...['Promise', 'Intl', 'console', 'structuredClone'],
  ...['exp', 'expm1', 'log', 'log2', 'log10', 'log1p', 'pow', 'cbrt', 'hypot', 'sin', 'cos', 'tan'].map(
    (f) => `Math.${f}`,
  ),
  ...['asin', 'acos', 'atan', 'atan2', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'].map((f) => `Math.${f}`),
])
const LOCALE_METHODS = new Set(['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase', 'then'])
/** Random or late parts of node:crypto. */
const CRYPTO_NOT_DETERMINISTIC =
  /^(random\w*|generateKey\w*|generatePrime\w*|webcrypto|subtle|getRandomValues|scrypt|pbkdf2|hkdf|timingSafeEqualAsync)$/

const isOpen = (path: string) =>
  /^src\/(runtime|start|cli)\/|^src\/main\.ts$/.test(path) || SIM_EDGE.some((edge) => edge.path.test(path))
const isDeterministic = (path: string) => /^(src\/core|sim)\//.test(path) && !isOpen(path)

/** Uses of forbidden globals and of language features whose order or result is not ours to decide. */
export function globalProblems(path: string, text: string): Problem[] {
  if (!/^(src|sim)\//.test(path) || isOpen(path)) return []
  const strict = isDeterministic(path)
  const source = parse(path, text)
  const problems: Problem[] = []
  walk(source, (node) => {
    const found = forbiddenGlobal(node, strict) ?? (strict ? forbiddenForm(node) : undefined)
    if (found !== undefined) problems.push(problemAt(source, node, `${found} is not allowed here`))
  })
  return problems
}

function forbiddenGlobal(node: ts.Node, strict: boolean): string | undefined {
  const isForbidden = (name: string) => OF_THE_SYSTEM.has(name) || (strict && NOT_DETERMINISTIC.has(name))
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'Math') {
    const name = `Math.${node.name.text}`
    return isForbidden(name) ? name : undefined
  }
  if (!ts.isIdentifier(node) || !isForbidden(node.text) || !isReference(node)) return undefined
  return node.text
}

/** Whether the name is looked up in scope as a value or a type, rather than being a member, a key or a declaration. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false
  if (ts.isBindingElement(parent)) return parent.initializer === node
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isPropertyAssignment(parent)) {
    return parent.initializer === node
  }
  if (ts.isPropertyDeclaration(parent) || ts.isEnumMember(parent)) return parent.initializer === node
  const name = (parent as { name?: ts.Node }).name
  return name !== node
}

function forbiddenForm(node: ts.Node): string | undefined {
  if (ts.isAwaitExpression(node)) return 'await'
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) return 'for await'
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async'
  if (ts.isPropertyAccessExpression(node) && LOCALE_METHODS.has(node.name.text)) return node.name.text
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken) {
    const isExact = [node.left, node.right].every((side) => ts.isNumericLiteral(side) || ts.isBigIntLiteral(side))
    return isExact ? undefined : '** of what is not a literal'
  }
  if (ts.isImportSpecifier(node)) {
    const module = node.parent.parent.parent.moduleSpecifier
    const name = (node.propertyName ?? node.name).text
    const isCrypto = ts.isStringLiteral(module) && module.text === 'node:crypto'
    if (isCrypto && CRYPTO_NOT_DETERMINISTIC.test(name)) return `${name} of node:crypto`
  }
  return undefined
}

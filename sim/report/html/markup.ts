/** Text that is HTML already. Everything else is escaped when it gets into it. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Content = string | number | Markup | undefined | readonly Content[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Of text between tags, and of attributes in double quotes. What HTML has no way to write becomes U+FFFD. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replaceAll(/[&<>"']/g, (found) => ENTITIES[found])
}

/** A template of HTML; values are escaped unless they are `Markup`, and lists are joined. Undefined is nothing. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, at) => `${text}${textOf(values[at - 1])}${part}`))
}

function textOf(content: Content): string {
  if (content === undefined) return ''
  if (content instanceof Markup) return content.text
  if (typeof content === 'string') return escapeText(content)
  return typeof content === 'number' ? String(content) : content.map(textOf).join('')
}

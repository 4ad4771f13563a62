import type { Page } from 'puppeteer-core'

/** Each is JavaScript for the page: an expression. The project has no types of a browser, and needs none elsewhere. */
const PLOTS = `[...document.querySelectorAll('svg[data-plot]')].map((svg) => {
  const marks = [...svg.querySelectorAll('.bar, .line, .span, .alarm')].map((mark) => {
    const { width, height } = mark.getBoundingClientRect()
    const { fill, stroke } = getComputedStyle(mark)
    // A line may be flat.
    return width > 0 && (height > 0 || mark.matches('.line')) && (fill !== 'none' || stroke !== 'none')
  })
  const box = svg.getBoundingClientRect()
  return { name: svg.dataset.plot, width: box.width, height: box.height, marks: marks.length, isDrawn: !marks.includes(false) }
})`

/** Elements that reach out of the page, but for those in a box that scrolls. */
const OVERFLOW = `[...document.querySelectorAll('body *')].flatMap((element) => {
  if (element.closest('.box') !== null && !element.matches('.box')) return []
  const { right, left, width } = element.getBoundingClientRect()
  const isOut = width > 0 && (right > innerWidth + 0.5 || left < -0.5)
  return isOut ? [element.tagName + '.' + element.getAttribute('class') + ' ' + element.textContent.slice(0, 40)] : []
})`

/** Text that is hard to read: its contrast with what lies behind it (WCAG 2.2, 1.4.3) is below 4.5, or it is smaller than 11 px. */
const HARD_TO_READ = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number)
  const light = (color) => {
    const [r, g, b] = parts(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at)
      if ((parts(backgroundColor)[3] ?? 1) === 1) return backgroundColor
    }
    throw new Error('a page without a background')
  }
  const found = []
  let seen = 0
  for (const element of document.querySelectorAll('body *')) {
    const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
    if (!isText || !element.checkVisibility() || element.closest('title, defs, script') !== null) continue
    seen++
    const style = getComputedStyle(element)
    const [a, b] = [light(element.closest('svg') === null ? style.color : style.fill), light(behind(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < 4.5 || parseFloat(style.fontSize) < 11)
      found.push(element.textContent.slice(0, 40) + ': ' + contrast.toFixed(2) + ', ' + style.fontSize)
  }
  return { seen, found }
})()`

const BACKGROUND = `getComputedStyle(document.body).backgroundColor`

export interface PlotFound {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly marks: number
  readonly isDrawn: boolean
}

export const plotsOf = (page: Page) => page.evaluate(PLOTS) as Promise<readonly PlotFound[]>
export const overflowOf = (page: Page) => page.evaluate(OVERFLOW) as Promise<readonly string[]>
export const hardToRead = (page: Page) =>
  page.evaluate(HARD_TO_READ) as Promise<{ readonly seen: number; readonly found: readonly string[] }>
export const backgroundOf = (page: Page) => page.evaluate(BACKGROUND) as Promise<string>

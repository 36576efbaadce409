/**
 * Draws what a command prints on a terminal as an SVG file for the README:
 *
 *     node packaging/draw-terminal.ts TITLE COLUMNS COMMAND [ARGUMENT]... >docs/images/NAME.svg
 *
 * Runs the command on a terminal of util-linux (script). Knows bold, dim, and the eight colors.
 */
import { spawnSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'

const [, , title = '', columns = '100', ...command] = process.argv
const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
const { stdout } = spawnSync(
  'script',
  ['--quiet', '--command', `stty cols ${columns}; ${quoted}`, '/dev/null'],
  {
    encoding: 'utf8',
    input: '',
    // A pager would wait for a key.
    env: { ...process.env, SLIPWAY_PAGER: '' },
  },
)

const lineHeight = 18
const characterWidth = 8.4
const margin = 14
const colors: Readonly<Record<number, string>> = {
  31: '#f47067',
  32: '#6bc46d',
  33: '#daaa3f',
  34: '#6cb6ff',
  35: '#dcbdfb',
  36: '#76e3ea',
}

type Style = { bold: boolean; dim: boolean; color: string | undefined }

// eslint-disable-next-line no-control-regex
const selectGraphic = /(\u001b\[[0-9;]*m)/

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Returns a line as spans; `style` continues from line to line. */
function spansOf(line: string, style: Style): string {
  return line
    .split(selectGraphic)
    .map((part) => {
      const codes = selectGraphic.test(part) ? part.slice(2, -1) : undefined
      if (codes === undefined) return part === '' ? '' : spanOf(part, style)
      for (const code of codes.split(';').map(Number)) change(style, code)
      return ''
    })
    .join('')
}

function change(style: Style, code: number): void {
  if (code === 0) Object.assign(style, { bold: false, dim: false, color: undefined })
  else if (code === 1) style.bold = true
  else if (code === 2) style.dim = true
  else if (code === 22) Object.assign(style, { bold: false, dim: false })
  else if (code === 39) style.color = undefined
  else if (code in colors) style.color = colors[code]
}

function spanOf(text: string, { bold, dim, color }: Style): string {
  const attributes = [
    ...(bold ? [' font-weight="bold"'] : []),
    ...(dim ? [' fill-opacity="0.6"'] : []),
    ...(color === undefined ? [] : [` fill="${color}"`]),
  ]
  return `<tspan${attributes.join('')}>${escaped(text)}</tspan>`
}

const lines = stdout.replaceAll('\r', '').trimEnd().split('\n')
const style: Style = { bold: false, dim: false, color: undefined }
const width = Math.ceil(Number(columns) * characterWidth + 2 * margin)
const height = lines.length * lineHeight + 2 * margin
const rows = lines.map((line, index) => {
  const y = margin + (index + 1) * lineHeight - 5
  // With the width of a monospaced font, whatever font the reader has.
  const characters = stripVTControlCharacters(line).length
  const length = (characters * characterWidth).toFixed(1)
  const place = `x="${margin}" y="${y}" textLength="${length}" xml:space="preserve"`
  return characters === 0 ? '' : `<text ${place}>${spansOf(line, style)}</text>`
})
console.log(`\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#22272e"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#cdd9e5">
${rows.join('\n')}
</g>
</svg>`)

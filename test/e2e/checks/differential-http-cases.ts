/** The HTTP requests that slipway and nginx respond to, and the intended differences between their responses. */

/** What the requests contain of a server and of the file. */
export type HttpContext = {
  readonly address: string
  readonly path: string
  /** The directory of the file, with a slash at its end. */
  readonly directory: string
  readonly etag: string
  readonly modified: string
  readonly octets: number
}

type HttpQuestion = {
  readonly name: string
  /** In Latin-1. */
  readonly text: string
  /** The methods of the expected responses; that of the text if absent. */
  readonly methods?: readonly string[]
  readonly isHalfClosed?: boolean
}

const day = 86_400_000

export function httpQuestions(context: HttpContext): readonly HttpQuestion[] {
  return [
    ...versionQuestions(context),
    ...rangeQuestions(context),
    ...conditionQuestions(context),
    ...connectionQuestions(context),
    ...headerQuestions(context),
    ...targetQuestions(context),
    ...methodQuestions(context),
  ]
}

/** A request of HTTP/1.1 with Host and these lines. */
function get(path: string, ...lines: string[]): string {
  return requestOf('GET', path, ...lines)
}

function requestOf(method: string, path: string, ...lines: string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: 172.16.0.101', ...lines, '', ''].join('\r\n')
}

function versionQuestions({ path }: HttpContext): HttpQuestion[] {
  return [
    { name: 'GET', text: get(path) },
    { name: 'HEAD', text: requestOf('HEAD', path) },
    { name: 'GET of a loader', text: get('/loaders/efi/snponly.efi') },
    { name: 'HTTP/1.0 GET', text: `GET ${path} HTTP/1.0\r\n\r\n` },
    { name: 'HTTP/1.0 HEAD', text: `HEAD ${path} HTTP/1.0\r\n\r\n` },
    { name: 'HTTP/1.0 GET with Host', text: `GET ${path} HTTP/1.0\r\nHost: x\r\n\r\n` },
    { name: 'HTTP/1.0 keep-alive', text: `GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n` },
    { name: 'HTTP/1.0 range', text: `GET ${path} HTTP/1.0\r\nRange: bytes=4-7\r\n\r\n` },
    { name: 'HTTP/0.9', text: `GET ${path}\r\n` },
    { name: 'HTTP/1.2', text: `GET ${path} HTTP/1.2\r\nHost: x\r\nConnection: close\r\n\r\n` },
    { name: 'HTTP/2.0', text: `GET ${path} HTTP/2.0\r\nHost: x\r\n\r\n` },
    { name: 'HTTP/1.10', text: `GET ${path} HTTP/1.10\r\nHost: x\r\n\r\n` },
    { name: 'lowercase version', text: `GET ${path} http/1.1\r\nHost: x\r\n\r\n` },
    { name: 'half-closed HTTP/1.0', text: `GET ${path} HTTP/1.0\r\n\r\n`, isHalfClosed: true },
    { name: 'half-closed HTTP/1.1', text: get(path), isHalfClosed: true },
    { name: 'half-closed HEAD', text: requestOf('HEAD', path), isHalfClosed: true },
    { name: 'half-closed missing file', text: get('/missing'), isHalfClosed: true },
    { name: 'half-closed loader', text: get('/loaders/efi/snponly.efi'), isHalfClosed: true },
    { name: 'half-closed in the header', text: `GET ${path} HTTP/1.1\r\nHost: x\r\n`, isHalfClosed: true },
  ]
}

function rangeQuestions({ path, octets, etag }: HttpContext): HttpQuestion[] {
  const ranges = [
    'bytes=0-99', 'bytes=0-0', 'bytes=100-', 'bytes=-500', 'bytes=-0', `bytes=-${octets}`, `bytes=-${octets + 1}`,
    'bytes=-99999999999999999999', `bytes=0-${octets - 1}`, `bytes=0-${octets}`, 'bytes=4-99999999999', 'bytes=4-99999999999999999999',
    `bytes=${octets - 1}-`, `bytes=${octets}-`, `bytes=${octets + 1}-${octets + 9}`, 'bytes=99-0', 'bytes=4-4',
    'bytes=', 'bytes=-', 'bytes=x', 'bytes=4', 'bytes=4-x', 'bytes=x-4', 'bytes=--4', 'bytes 0-4', '0-4', 'items=0-4', '', 'bytes',
    'bytes=0-0,2-2', 'bytes=0-4,3-9', 'bytes=0-0, 2-2', 'bytes=0-0,', ',bytes=0-0', 'bytes=,0-0', 'bytes=0-0,x', `bytes=0-0,${octets}-`,
    'bytes = 0-9', 'bytes= 0-9', 'bytes=0 - 9', 'Bytes=0-9', 'BYTES=0-9', 'bytes=00-09', 'bytes=+0-9', 'bytes=0-9;q=1', 'bytes=0x0-9',
  ] // prettier-ignore
  return [
    ...ranges.map((range) => ({
      name: `Range: ${nameOf(range, octets)}`,
      text: get(path, `Range: ${range}`),
    })),
    { name: 'HEAD with a range', text: requestOf('HEAD', path, 'Range: bytes=4-7') },
    { name: 'two Range fields', text: get(path, 'Range: bytes=0-0', 'Range: bytes=4-7') },
    { name: 'a range with If-None-Match', text: get(path, 'Range: bytes=4-7', `If-None-Match: ${etag}`) },
    { name: 'a range of a missing file', text: get(`${path}x`, 'Range: bytes=4-7') },
    { name: 'a range of a loader', text: get('/loaders/efi/snponly.efi', 'Range: bytes=4-7') },
  ]
}

/** Names are the same for both servers. */
const nameOf = (range: string, octets: number): string => range.replaceAll(String(octets), 'SIZE')

function conditionQuestions({ path, etag, modified }: HttpContext): HttpQuestion[] {
  const at = (offset: number): string => new Date(Date.parse(modified) + offset).toUTCString()
  const rfc850 = modified.replace(/^(...), (..) (...) ..(..)/, (_, weekday: string, date: string, month: string, year: string) => `${{ Sun: 'Sunday', Mon: 'Monday', Tue: 'Tuesday', Wed: 'Wednesday', Thu: 'Thursday', Fri: 'Friday', Sat: 'Saturday' }[weekday]}, ${date}-${month}-${year}`) // prettier-ignore
  const ifRange = { 'the tag': etag, 'a weak tag': `W/${etag}`, 'another tag': '"x"', 'a list': `${etag}, "x"`, 'the date': modified, 'a later date': at(day), 'an earlier date': at(-day), 'no date': 'yesterday', nothing: '' } // prettier-ignore
  const conditions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'If-None-Match': { 'the tag': etag, 'a weak tag': `W/${etag}`, 'another tag': '"x"', 'a list': `"x", ${etag}`, 'a star': '*', 'no quotes': 'x', nothing: '' }, // prettier-ignore
    'If-Match': { 'the tag': etag, 'a weak tag': `W/${etag}`, 'another tag': '"x"', 'a list': `"x", ${etag}`, 'a star': '*', nothing: '' }, // prettier-ignore
    'If-Modified-Since': { 'the date': modified, 'a later date': at(day), 'an earlier date': at(-day), 'no date': 'yesterday', 'the date of RFC 850': rfc850, nothing: '' }, // prettier-ignore
    'If-Unmodified-Since': { 'the date': modified, 'a later date': at(day), 'an earlier date': at(-day), 'no date': 'yesterday', nothing: '' }, // prettier-ignore
  }
  return [
    ...Object.entries(ifRange).map(([name, value]) => ({
      name: `If-Range: ${name}`,
      text: get(path, 'Range: bytes=4-7', `If-Range: ${value}`),
    })),
    { name: 'If-Range without a range', text: get(path, `If-Range: ${etag}`) },
    ...Object.entries(conditions).flatMap(([field, values]) =>
      Object.entries(values).map(([name, value]) => ({
        name: `${field}: ${name}`,
        text: get(path, `${field}: ${value}`),
      })),
    ),
    { name: 'HEAD with If-None-Match', text: requestOf('HEAD', path, `If-None-Match: ${etag}`) },
    { name: 'another tag and the date', text: get(path, 'If-None-Match: "x"', `If-Modified-Since: ${modified}`) }, // prettier-ignore
    { name: 'the tag and an earlier date', text: get(path, `If-Match: ${etag}`, `If-Unmodified-Since: ${at(-day)}`) }, // prettier-ignore
  ]
}

function connectionQuestions({ path }: HttpContext): HttpQuestion[] {
  const part = (range: string, ...lines: string[]) => get(path, `Range: bytes=${range}`, ...lines)
  return [
    { name: 'Connection: close', text: part('0-3', 'Connection: close') },
    { name: 'Connection: Close', text: part('0-3', 'Connection: Close') },
    { name: 'Connection: keep-alive', text: part('0-3', 'Connection: keep-alive') },
    { name: 'Connection: keep-alive, close', text: part('0-3', 'Connection: keep-alive, close') },
    { name: 'Connection: upgrade', text: part('0-3', 'Connection: Upgrade', 'Upgrade: websocket') },
    { name: 'Upgrade: h2c', text: part('0-3', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__') }, // prettier-ignore
    { name: 'pipelined', text: part('0-3') + requestOf('HEAD', path) + part('4-7') + get('/missing') + part('8-9'), methods: ['GET', 'HEAD', 'GET', 'GET', 'GET'] }, // prettier-ignore
    { name: 'pipelined, half-closed', text: part('0-3') + part('4-7'), methods: ['GET', 'GET'], isHalfClosed: true }, // prettier-ignore
    { name: 'pipelined after close', text: part('0-3', 'Connection: close') + part('4-7') },
    { name: 'an empty line before the request', text: `\r\n${part('0-3')}`, methods: ['GET'] },
    { name: 'an empty line between requests', text: `${part('0-3')}\r\n${part('4-7')}`, methods: ['GET', 'GET'] }, // prettier-ignore
    { name: 'a body of GET', text: part('0-3', 'Content-Length: 5') + 'hello' + part('4-7'), methods: ['GET', 'GET'] }, // prettier-ignore
    { name: 'a chunked body of GET', text: part('0-3', 'Transfer-Encoding: chunked') + '2\r\nhi\r\n0\r\n\r\n' + part('4-7'), methods: ['GET', 'GET'] }, // prettier-ignore
    { name: 'a length and chunks', text: part('0-3', 'Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n' }, // prettier-ignore
    { name: 'two lengths', text: part('0-3', 'Content-Length: 5', 'Content-Length: 6') + 'hello' },
    { name: 'a length that is not a number', text: part('0-3', 'Content-Length: x') },
    { name: 'a negative length', text: part('0-3', 'Content-Length: -1') },
    { name: 'Expect: 100-continue', text: part('0-3', 'Expect: 100-continue') },
    { name: 'Expect: x', text: part('0-3', 'Expect: x') },
  ]
}

function headerQuestions({ path }: HttpContext): HttpQuestion[] {
  const start = `GET ${path} HTTP/1.1\r\n`
  const texts: Readonly<Record<string, string>> = {
    'names in lower case': `${start}host: x\r\nrange: bytes=0-3\r\n\r\n`,
    'names in odd case': `${start}hOsT: x\r\nRANGE: bytes=0-3\r\n\r\n`,
    'no blank after the colon': `${start}Host:x\r\nRange:bytes=0-3\r\n\r\n`,
    'blanks around values': `${start}Host: \t x \t\r\nRange:\t bytes=0-3 \t \r\n\r\n`,
    'a blank before the colon': `${start}Host: x\r\nRange : bytes=0-3\r\n\r\n`,
    'a folded line': `${start}Host: x\r\nX: a\r\n b\r\nRange: bytes=0-3\r\n\r\n`,
    'lines that end with LF': `GET ${path} HTTP/1.1\nHost: x\nRange: bytes=0-3\n\n`,
    'a line without a colon': `${start}Host: x\r\nRange bytes\r\n\r\n`,
    'an empty name': `${start}Host: x\r\n: x\r\n\r\n`,
    'a zero octet in a value': `${start}Host: x\r\nX: a\0b\r\n\r\n`,
    'Latin-1 in a value': `${start}Host: x\r\nX: \xe9\r\nRange: bytes=0-3\r\n\r\n`,
    'an invalid name': `${start}Host: x\r\nX(y): z\r\nRange: bytes=0-3\r\n\r\n`,
    'an underscore in a name': `${start}Host: x\r\nX_y: z\r\nRange: bytes=0-3\r\n\r\n`,
    'no Host': `${start}\r\n`,
    'an empty Host': `${start}Host:\r\nRange: bytes=0-3\r\n\r\n`,
    'two Hosts': `${start}Host: x\r\nHost: y\r\n\r\n`,
    'a Host with a port': `${start}Host: 172.16.0.101:80\r\nRange: bytes=0-3\r\n\r\n`,
    'an invalid Host': `${start}Host: a/b\r\nRange: bytes=0-3\r\n\r\n`,
    'a header of 7000 octets': `${start}Host: x\r\nRange: bytes=0-3\r\nX: ${'x'.repeat(7000)}\r\n\r\n`,
    'a header of 40000 octets': `${start}Host: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
    'a hundred fields': `${start}Host: x\r\nRange: bytes=0-3\r\n${'X: y\r\n'.repeat(100)}\r\n`,
    'Accept-Encoding: gzip': `${start}Host: x\r\nAccept-Encoding: gzip\r\n\r\n`,
    'Accept that excludes the file': `${start}Host: x\r\nAccept: text/html\r\nRange: bytes=0-3\r\n\r\n`,
  }
  return Object.entries(texts).map(([name, text]) => ({ name: `header: ${name}`, text, methods: ['GET'] }))
}

function targetQuestions({ path, directory }: HttpContext): HttpQuestion[] {
  const name = path.slice(directory.length)
  const targets: Readonly<Record<string, string>> = {
    'absolute form': `http://172.16.0.101${path}`,
    'absolute form of another host': `http://other.example${path}`,
    'absolute form in upper case': `HTTP://172.16.0.101${path}`,
    'absolute form with https': `https://172.16.0.101${path}`,
    'absolute form without a path': 'http://172.16.0.101',
    asterisk: '*',
    'no slash': path.slice(1),
    query: `${path}?a=b&c`,
    'empty query': `${path}?`,
    fragment: `${path}#part`,
    'an escaped letter': `${directory}%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    'an escape in lower case': path.replace('-', '%2d'),
    'an escape in upper case': path.replace('-', '%2D'),
    'an escaped slash': path.replace(/\/(?=[^/]*$)/, '%2F'),
    'an escaped zero octet': `${path}%00`,
    'an escaped blank': `${path}%20`,
    'an escape that is cut short': `${path}%2`,
    'an escape that is not hexadecimal': `${path}%zz`,
    'an escaped percent sign': path.replace('-', '%252d'),
    'an escape that is not UTF-8': `${path}%ff`,
    'a dot segment': path.replace('/images/', '/images/./'),
    'two dots': path.replace('/images/', '/images/x/../'),
    'two dots above the root': `/..${path}`,
    'escaped dots': path.replace('/images/', '/images/x/%2e%2e/'),
    'dots out of the directory': `${directory}../../etc/passwd`,
    'escaped dots out of the directory': `${directory}%2e%2e/%2e%2e/etc/passwd`,
    'two slashes': path.replaceAll('/', '//'),
    'two slashes at the start': `/${path}`,
    backslashes: path.replace('/images/', '/images\\'),
    'a slash at the end': `${path}/`,
    directory,
    'directory without a slash': directory.slice(0, -1),
    'a missing file': `${directory}missing`,
    'a hidden file': `${directory}.hidden`,
    'another case': path.toUpperCase(),
    'a missing path': '/missing',
    root: '/',
    'a path of 5000 octets': `/${'x'.repeat(5000)}`,
    'a path of 40000 octets': `/${'x'.repeat(40_000)}`,
    'Latin-1': `${path}\xe9`,
    'a blank': `${path} x`,
    'a control character': `${path}\x01`,
  }
  return Object.entries(targets).map(([name, target]) => ({
    name: `target: ${name}`,
    text: get(target, 'Range: bytes=0-3'),
  }))
}

function methodQuestions({ path }: HttpContext): HttpQuestion[] {
  const methods = ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'FOO', 'get', 'G-T'] // prettier-ignore
  return [
    ...methods.map((method) => ({ name: `method ${method}`, text: requestOf(method, path) })),
    { name: 'method POST with a body', text: `${requestOf('POST', path, 'Content-Length: 5')}hello` },
    { name: 'method POST to a missing path', text: requestOf('POST', '/missing') },
    { name: 'not a request', text: 'x\r\n\r\n', methods: ['GET'] },
    { name: 'a TLS ClientHello', text: '\x16\x03\x01\x00\x05hello\r\n\r\n', methods: ['GET'] },
    { name: 'nothing', text: '', methods: ['GET'], isHalfClosed: true },
  ]
}

/** What is counted and said when no request could be read from a connection (RFC 9112 §2.2, RFC 9110 §15.5). */

export type Misunderstanding = {
  readonly counter: string
  /** A whole HTTP response; the connection is closed after it. */
  readonly response: string
}

/** @param code of Node's error; undefined comes back for a peer that just went away */
export function misunderstanding(code: string | undefined): Misunderstanding | undefined {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        counter: 'http.timedOut',
        response: lastWords('408 Request Timeout', 'the request took too long'),
      }
    case 'HPE_HEADER_OVERFLOW':
      return {
        counter: 'http.malformed',
        response: lastWords('431 Request Header Fields Too Large', 'the header of the request is too long'),
      }
    default:
      return {
        counter: 'http.malformed',
        response: lastWords('400 Bad Request', 'this is not an HTTP request'),
      }
  }
}

function lastWords(status: string, sentence: string): string {
  const body = `${sentence}\n`
  return [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

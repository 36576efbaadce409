/**
 * A receiver of webhooks over TLS. Runs in a namespace as `node webhook.ts KEY CERTIFICATE ADDRESS FILE`, and appends a
 * line of JSON with the headers and the unparsed body of each request to FILE.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { text } from 'node:stream/consumers'

const [key = '', cert = '', address = '', file = ''] = process.argv.slice(2)

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  void text(request).then((body) => {
    appendFileSync(file, `${JSON.stringify({ headers: request.headers, body })}\n`)
    response.writeHead(204).end()
  })
})
server.listen(8443, address)

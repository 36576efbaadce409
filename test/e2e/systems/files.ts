/** Serves the files of a directory over HTTP: node files.ts ADDRESS DIRECTORY. */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'

const [address, directory = ''] = process.argv.slice(2)
createServer((request, response) => {
  const file = createReadStream(join(directory, basename(request.url ?? '')))
  file.on('error', () => response.writeHead(404).end())
  file.pipe(response)
}).listen(80, address)

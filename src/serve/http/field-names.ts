/**
 * Responses with the customary capitalization of field names. Names are case-insensitive (RFC 9110 §5.1), but the parsers
 * of GRUB, shim, and U-Boot compare them as other servers spell them. Fastify sends them in lower case.
 */
import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http'

type Value = number | string | readonly string[]

export class CustomaryResponse extends ServerResponse {
  override setHeader(name: string, value: Value): this {
    return super.setHeader(customaryName(name), value)
  }

  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    fields?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    if (typeof reason === 'string') return super.writeHead(status, reason, customaryFields(fields))
    return super.writeHead(status, customaryFields(reason ?? fields))
  }
}

/** Names as they were sent, and in their customary form. Only this program adds names, so their number is bounded. */
const names = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
])

/** Returns `Content-Length` for `content-length`. */
export function customaryName(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const customary = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase())
  names.set(name, customary)
  return customary
}

/** @param fields names and values; a flat list of both is used as it is */
function customaryFields(
  fields: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined,
): OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined {
  if (fields === undefined || Array.isArray(fields)) return fields
  const customary: OutgoingHttpHeaders = {}
  for (const name in fields) customary[customaryName(name)] = fields[name]
  return customary
}

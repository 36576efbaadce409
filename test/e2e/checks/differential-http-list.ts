/** The intended differences between the responses of slipway and nginx. */
import type { Intended } from '../peers/differences.ts'

/** All fields of a response that differ if one server refuses the request and the other does not. */
const anyField = /./
const rangeFields = /^(?:status|body|text|header (?:Last-Modified|Content-(?:Type|Length|Range)))$/

export const httpDifferences: readonly Intended[] = [
  {
    field: /header Server$/,
    question: /./,
    reason: 'slipway does not publish its version',
  },
  {
    field: /header Cache-Control$/,
    question: /./,
    reason:
      'a proxy must not keep scripts and images that the administrator replaces; nginx sends none by default',
  },
  {
    field: /header Keep-Alive$/,
    question: /./,
    reason: 'Node sends the time for which it keeps the connection; nginx sends it only if configured',
  },
  {
    field: /header Slipway-Code$/,
    question: /./,
    reason: 'every refusal has a stable code (docs/codes.md)',
  },
  {
    field: /header Accept-Ranges$/,
    question: /./,
    reason: 'also in a response to a range; nginx sends it only with a whole file',
  },
  {
    field: /^(?:status|body|header (?:Last-Modified|ETag|Content-Length|Content-Range))$/,
    question: /loader$/,
    reason: 'a loader is small and always sent whole, without ranges and conditions',
  },
  {
    field: /^(?:connection|rest)$/,
    question: /^HTTP\/0\.9$/,
    reason: 'HTTP/0.9 is not served',
  },
  {
    field: anyField,
    question: /^HTTP\/(?:1\.2|1\.10|2\.0)$/,
    reason: 'Node accepts only versions that have an RFC, and answers HTTP/2.0 like HTTP/1.1',
  },
  {
    field: anyField,
    question: /^half-closed (?:HTTP|loader)/,
    reason:
      'a client that has closed its sending side gets the whole file (RFC 9112 §9.6); nginx stops in the middle',
  },
  {
    field: anyField,
    question: /^half-closed in the header$/,
    reason: 'an incomplete request gets a response; nginx closes the connection',
  },
  {
    field: /header ETag$/,
    question: /^(?:Range|If-Match|If-Unmodified-Since):/,
    reason: 'the responses 412 and 416 have the tag of the file',
  },
  {
    field: rangeFields,
    question: /^HEAD with a range$/,
    reason: 'only GET has ranges (RFC 9110 §14.2); nginx sends 206',
  },
  {
    field: rangeFields,
    question: /^Range: bytes=-(?:SIZE|\d+)$/,
    reason:
      'a suffix longer than the file gets the whole file with 200; nginx sends 206, or 416 for large numbers',
  },
  {
    field: rangeFields,
    question: /^Range: bytes=4-9{20}$/,
    reason: 'a last position beyond the end is the end (RFC 9110 §14.1.2), however large the number is',
  },
  {
    field: rangeFields,
    question: /^Range: bytes=(?:99-0|-|x|4|4-x|x-4|--4|0-0,x|\+0-9|0-9;q=1|0x0-9)$/,
    reason: 'a range that cannot be read is ignored (RFC 9110 §14.2); nginx refuses it with 416',
  },
  {
    field: rangeFields,
    question: /^Range: bytes=(?:0-0,|,0-0)$/,
    reason: 'empty list elements are ignored (RFC 9110 §5.6.1)',
  },
  {
    field: /^(?:status|body|header (?:Content-Type|Content-Length|Content-Range))$/,
    question: /^(?:Range: bytes=(?:0-0,\s?2-2|0-4,3-9)|two Range fields)$/,
    reason: 'several ranges get the whole file, or one range that contains them: RFC 9110 §14.2 allows it',
  },
  {
    field: /^connection$/,
    question: /^(?:If-Match|If-Unmodified-Since|the tag and)/,
    reason: 'the connection stays open after 412',
  },
  {
    field: anyField,
    question: /^If-Modified-Since: a later date$/,
    reason: '304 if the file is not newer than the date (RFC 9110 §13.1.3); nginx compares for equality',
  },
  {
    field: anyField,
    question: /^If-Unmodified-Since: (?:no date|nothing)$/,
    reason: 'a field that is not a date is ignored (RFC 9110 §13.1.4)',
  },
  {
    field: anyField,
    question: /^the tag and an earlier date$/,
    reason: 'If-Unmodified-Since is ignored beside If-Match (RFC 9110 §13.1.4)',
  },
  {
    field: anyField,
    question: /^Expect: /,
    reason:
      'a final response instead of 100, because bodies are not read, and 417 for other expectations (RFC 9110 §10.1.1)',
  },
  {
    field: anyField,
    question: /^header: (?:blanks around values|an empty Host|two Hosts|an invalid Host)$/,
    reason: 'slipway does not use Host, so only its absence is an error',
  },
  {
    field: anyField,
    question: /^header: (?:lines that end with LF|an invalid name)$/,
    reason: 'the parser of Node is strict here: such requests can hide others from a proxy',
  },
  {
    field: /^status$/,
    question: /^(?:header: a header|target: a path) of 40000 octets$/,
    reason: '431 for a long header and a long target; nginx sends 400 and 414',
  },
  {
    field: anyField,
    question: /^target: (?:absolute form without a path|root|directory)$/,
    reason:
      'slipway serves no index, no listing, and no redirect; nginx serves the page of its package at the root',
  },
  {
    field: anyField,
    question: /^target: (?:an escaped slash|a dot segment|two dots|escaped dots)$/,
    reason: 'paths are compared as they are; the client removes dot segments (RFC 3986 §5.2.4)',
  },
  {
    field: /^(?:status|connection|header (?:Connection|Date))$/,
    question: /^target: (?:asterisk|an escaped zero octet|two dots above the root|an escape that|Latin-1)/,
    reason: '404 or 400 for a target that cannot be a path',
  },
  {
    field: /^(?:status|connection|header (?:Connection|Allow))$/,
    question: /^method /,
    reason:
      'slipway does not read bodies, so the connection ends; Node knows only registered methods; 405 precedes 404',
  },
]

/** One answer, encoded once: everything that follows the question, with what has to be moved when it is sent. */
import { encodeAnswer } from '../../proto/dns/message.ts'
import { headerOctets } from '../../proto/dns/registry.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import type { Response } from './plan.ts'

/**
 * @param first what octet 12 is to the records: the owner that the client asked for, however long, so that a
 * pointer to it never moves; or the zone's name, which the client's question ends with
 */
export function prepare(
  rcode: number,
  sections: Parameters<typeof encodeAnswer>[0],
  first: 'owner' | 'zone',
): Response {
  const message = encodeAnswer(sections)
  const { questionEnd, pointers } = walkMessage(message)
  const moves = (at: number) => {
    const target = (((message[at] as number) & 0x3f) << 8) | (message[at + 1] as number)
    return first === 'zone' || target !== headerOctets
  }
  const required = encodeAnswer({ ...sections, additional: [] })
  return {
    rcode,
    isAuthoritative: true,
    answers: sections.answers.length,
    authority: sections.authority.length,
    additional: sections.additional.length,
    octets: message.slice(questionEnd),
    requiredOctets: required.length - questionEnd,
    pointers: pointers.filter(moves).map((at) => at - questionEnd),
    nameOctets: questionEnd - headerOctets - 4,
  }
}

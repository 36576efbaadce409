/**
 * node:http. An import statement would read every export of it, and one of them loads a WebSocket implementation: that
 * takes 40 ms, a fifth of the start of a small site.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')

/** Options of routes: what the user of a request must be allowed to do. */
export const read = { config: { scope: 'read' } } as const
export const operate = { config: { scope: 'operate' } } as const
export const admin = { config: { scope: 'admin' } } as const
export const anyone = { config: { scope: 'public' } } as const

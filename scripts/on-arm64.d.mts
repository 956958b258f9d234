export const emulator: [program: string, ...options: string[]];
export const notThere: string;

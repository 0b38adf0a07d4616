/** Whether httpbin wrote a line of its log, as text or JSON, about a request of ours: they bear an id in the query. */
export const isAppLine = (text: string): boolean => /^\S+ (time=|\{).*\bprobe=[0-9a-f]{8}-/.test(text);

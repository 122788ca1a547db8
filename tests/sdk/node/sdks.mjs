// Drives the fakes with the SDKs for Node: @google/genai and openai, with schemas of zod.
// SDKS names the folder that they are installed in, TAGSPACE the program.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const require = createRequire(path.resolve(process.env.SDKS, 'sdks.cjs'));
const { GoogleGenAI, Type } = require('@google/genai');
const OpenAI = require('openai');
const { zodResponseFormat, zodTextFormat } = require('openai/helpers/zod');
const { z } = require('zod');

const GEMINI = 'gemini-3.5-flash-lite';
const GPT = 'gpt-6-luna';
const PROMPT = `doc: guide, runbook, policy
tool: postgres, kafka, grafana

This runbook moves the ledger to the other node of postgres. Keep the runbook at hand.`;
const WANTED = { tool: ['postgres'], doc: ['runbook'] };

const SCENARIO = `# Do the SDKs for Node take the fakes for the services?
schema = 1
seed = 7
[space]
pages = 3
[gemini]
model = "${GEMINI}"
latency = { dist = "fixed", ms = 1 }
thinking_tokens = 30
[openai]
model = "${GPT}"
latency = { dist = "fixed", ms = 1 }
`;

const folder = mkdtempSync(path.join(tmpdir(), 'sdks-'));
writeFileSync(path.join(folder, 'sdk.toml'), SCENARIO);
const program = path.resolve(process.env.TAGSPACE);
const server = spawn(program, ['serve', 'sdk.toml', '--json', '--for', '120s'], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'ignore'],
});
const urls = await new Promise((resolve, reject) => {
  readline.createInterface({ input: server.stdout }).once('line', (line) => resolve(JSON.parse(line)));
  server.once('exit', (code) => reject(new Error(`serve ended with ${code}`)));
});

const gemini = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: urls.gemini } });
const gpt = new OpenAI({ apiKey: 'k', baseURL: `${urls.openai}/v1`, maxRetries: 0 });
const strings = { type: Type.ARRAY, items: { type: Type.STRING } };
const tags = z.object({ tool: z.array(z.string()), doc: z.array(z.string()) });
const parameters = {
  type: 'object',
  properties: { tool: { type: 'array', items: { type: 'string' } }, doc: { type: 'array', items: { type: 'string' } } },
  required: ['tool', 'doc'],
};
const messages = [{ role: 'user', content: PROMPT }];

const generate = (config) => gemini.models.generateContent({ model: GEMINI, contents: PROMPT, config });
const chat = (more) => gpt.chat.completions.create({ model: GPT, messages, ...more });

async function told(promise) {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

const checks = {
  async gemini_text_and_usage() {
    const answer = await generate();
    assert.match(answer.text, /postgres/);
    assert.ok(answer.usageMetadata.totalTokenCount > answer.usageMetadata.promptTokenCount);
  },
  async gemini_stream() {
    let text = '';
    const stream = await gemini.models.generateContentStream({ model: GEMINI, contents: PROMPT });
    for await (const chunk of stream) text += chunk.text ?? '';
    assert.equal(text, (await generate()).text);
  },
  async gemini_schemas() {
    const responseMimeType = 'application/json';
    const responseSchema = { type: Type.OBJECT, properties: { tool: strings, doc: strings }, required: ['tool', 'doc'] };
    assert.deepEqual(JSON.parse((await generate({ responseMimeType, responseSchema })).text), WANTED);
    const responseJsonSchema = z.toJSONSchema(tags);
    const answer = await generate({ responseMimeType, responseJsonSchema });
    assert.equal(answer.text, JSON.stringify(WANTED), 'in the order of the schema');
  },
  async gemini_refuses_what_its_schema_does_not_have() {
    const responseSchema = { type: Type.OBJECT, properties: { tool: { ...strings, const: 1 } } };
    const error = await told(generate({ responseMimeType: 'application/json', responseSchema }));
    assert.equal(error.status, 400);
    assert.match(error.message, /Unknown name .*const.* at 'generation_config.response_schema.properties\[0\].value'/);
  },
  async gemini_enum() {
    const responseSchema = { type: Type.STRING, enum: ['kafka', 'postgres'] };
    const answer = await generate({ responseMimeType: 'text/x.enum', responseSchema });
    assert.equal(answer.text, 'postgres');
  },
  async gemini_forced_call() {
    const answer = await generate({
      tools: [{ functionDeclarations: [{ name: 'tag', parametersJsonSchema: parameters }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['tag'] } },
    });
    assert.equal(answer.functionCalls[0].name, 'tag');
    assert.deepEqual(answer.functionCalls[0].args, WANTED);
  },
  async gemini_candidates_and_thoughts() {
    const answer = await generate({ candidateCount: 2, thinkingConfig: { includeThoughts: true } });
    assert.equal(answer.candidates.length, 2);
    assert.deepEqual(answer.candidates[1].content.parts.map((part) => part.thought ?? false), [true, false]);
  },
  async gemini_chat_models_and_errors() {
    const talk = gemini.chats.create({ model: GEMINI });
    await talk.sendMessage({ message: PROMPT });
    assert.match((await talk.sendMessage({ message: 'and kafka?' })).text, /kafka/);
    const names = [];
    for await (const model of await gemini.models.list()) names.push(model.name);
    assert.ok(names.includes(`models/${GEMINI}`));
    assert.equal((await told(gemini.models.generateContent({ model: 'gemini-0', contents: 'x' }))).status, 404);
  },
  async gemini_interactions() {
    const client = new GoogleGenAI({ apiKey: 'k', apiVersion: 'v1beta', httpOptions: { baseUrl: urls.gemini } });
    const first = await client.interactions.create({ model: GEMINI, input: PROMPT });
    assert.equal(first.status, 'completed');
    assert.equal(first.steps.at(-1).type, 'model_output');
    let text = '';
    const events = await client.interactions.create({ model: GEMINI, input: PROMPT, stream: true });
    for await (const event of events) text += event.delta?.text ?? '';
    assert.equal(text, first.steps.at(-1).content[0].text);
  },
  async gemini_in_the_language_of_openai() {
    const client = new OpenAI({ apiKey: 'k', baseURL: `${urls.gemini}/v1beta/openai/`, maxRetries: 0 });
    const answer = await client.chat.completions.parse({
      model: GEMINI, messages, temperature: 0, response_format: zodResponseFormat(tags, 'tags'),
    });
    assert.deepEqual(answer.choices[0].message.parsed, WANTED);
    assert.equal((await told(client.chat.completions.create({ model: 'gemini-0', messages }))).status, 404);
  },
  async openai_chat_whole_and_streamed() {
    const answer = await chat({ n: 2 });
    assert.equal(answer.choices.length, 2);
    let [text, usage] = ['', undefined];
    for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, answer.choices[1].message.content);
    assert.equal(answer.usage.completion_tokens, 2 * usage.completion_tokens);
  },
  async openai_schemas() {
    const whole = await gpt.chat.completions.parse({ model: GPT, messages, response_format: zodResponseFormat(tags, 'tags') });
    assert.deepEqual(whole.choices[0].message.parsed, WANTED);
    const response = await gpt.responses.parse({ model: GPT, input: PROMPT, text: { format: zodTextFormat(tags, 'tags') } });
    assert.deepEqual(response.output_parsed, WANTED);
  },
  async openai_refuses_loose_schemas() {
    const json_schema = { name: 'tags', strict: true, schema: parameters };
    const error = await told(chat({ response_format: { type: 'json_schema', json_schema } }));
    assert.equal(error.status, 400);
    assert.match(error.message, /In context=\(\), 'additionalProperties' is required/);
  },
  async openai_forced_calls() {
    const tools = [{ type: 'function', function: { name: 'tag', parameters } }];
    const answer = await chat({ tools, tool_choice: 'required' });
    assert.deepEqual(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments), WANTED);
    const runner = gpt.chat.completions.stream({ model: GPT, messages, tools, tool_choice: 'required' });
    const final = await runner.finalChatCompletion();
    assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments), WANTED);
    const flat = [{ type: 'function', name: 'tag', parameters, strict: false }];
    const stream = gpt.responses.stream({ model: GPT, input: PROMPT, tools: flat, tool_choice: 'required' });
    const [call] = (await stream.finalResponse()).output;
    assert.deepEqual([call.type, JSON.parse(call.arguments)], ['function_call', WANTED]);
  },
  async openai_models_that_reason() {
    assert.equal((await told(chat({ temperature: 0 }))).code, 'unsupported_value');
    assert.equal((await told(chat({ max_tokens: 50 }))).code, 'unsupported_parameter');
    assert.ok((await chat({ temperature: 0, reasoning_effort: 'none' })).choices[0].message.content);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.constructor.name} ${error.message}`.replace(/\s+/g, ' ').slice(0, 1000));
  }
}
console.log(`sdks.mjs: ${Object.keys(checks).length - failed} passed, ${failed} failed`);
server.removeAllListeners('exit');
server.kill();
await new Promise((resolve) => server.once('exit', resolve));
rmSync(folder, { recursive: true });
process.exit(failed ? 1 : 0);

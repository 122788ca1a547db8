//! What clients of the AI services meet besides the plain way: refusals, and other ways to ask.

use serde_json::{Value, json};

use crate::wire_formats::{Service, asking, body, status};

const PAGE: &str = "Tag this: a guide to kafka, and kafka again";
const LUNA: &str = "gpt-6-luna";

fn texts() -> Value {
    json!({"type": "ARRAY", "items": {"type": "STRING"}})
}

/// What Gemini says to a schema.
fn gemini(schema: &Value) -> (u16, String) {
    let mut asked = asking(PAGE);
    asked["generationConfig"] =
        json!({"responseMimeType": "application/json", "responseSchema": schema});
    let reply = Service::new(&[]).gemini(0, "generateContent", &asked);
    (status(&reply), body(&reply)["error"]["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn gemini_refuses_what_its_schema_does_not_have() {
    let unknown = |name: &str, at: &str| {
        format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
        )
    };
    let at = "generation_config.response_schema";
    let of = |property: Value| json!({"type": "OBJECT", "properties": {"doc": property}});
    let outside = |name: &str, value: Value| {
        let mut schema = of(texts());
        schema[name] = value;
        schema
    };
    for (name, value) in [
        ("additionalProperties", json!(false)),
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("$defs", json!({})),
        ("oneOf", json!([])),
    ] {
        assert_eq!(gemini(&outside(name, value)), (400, unknown(name, at)));
    }
    let inside = of(json!({"type": "STRING", "const": "x"}));
    assert_eq!(gemini(&inside), (400, unknown("const", &format!("{at}.properties[0].value"))));
    let deep = of(json!({"type": "ARRAY", "items": {"anyOf": [
        {"type": "STRING"}, {"type": "OBJECT", "$ref": "#/$defs/A"}]}}));
    let place = format!("{at}.properties[0].value.items.any_of[1]");
    assert_eq!(gemini(&deep), (400, unknown("$ref", &place)));
    let (code, message) = gemini(&of(json!({"type": ["STRING", "null"]})));
    assert!(code == 400 && message.ends_with("Proto field is not repeating, cannot start list."));
    let words = [
        (json!({"type": "ARRAY"}), "items: missing field."),
        (json!({"type": "OBJECT", "required": ["doc"]}), "required[0]: property is not defined"),
        (of(json!({"type": "INTEGER", "enum": ["1"]})), "[\"doc\"].enum: only allowed for STRING"),
    ];
    for (schema, word) in words {
        let (code, message) = gemini(&schema);
        assert!(code == 400 && message.contains(word), "{message}");
    }
    let plain = json!({
        "type": "OBJECT", "title": "Tags", "description": "d", "required": ["doc"],
        "propertyOrdering": ["doc"], "minProperties": "1",
        "properties": {"doc": {"type": "ARRAY", "max_items": 3, "items": {
            "anyOf": [{"type": "STRING", "enum": ["guide"]}], "nullable": true}}}
    });
    assert_eq!(gemini(&plain), (200, String::new()));
}

#[test]
fn gemini_takes_json_schema_where_it_belongs() {
    let schema = json!({"type": "object", "$defs": {"A": {"type": "string", "const": "x"}},
        "properties": {"a": {"$ref": "#/$defs/A"}}, "additionalProperties": false});
    let mut asked = asking(PAGE);
    asked["generationConfig"] =
        json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    let answer = body(&Service::new(&[]).gemini(0, "generateContent", &asked));
    assert_eq!(answer["candidates"][0]["content"]["parts"][0]["text"], r#"{"a":"x"}"#);
    let mut asked = asking(PAGE);
    asked["tools"] = json!([{"functionDeclarations": [{"name": "f", "parameters": schema}]}]);
    let reply = body(&Service::new(&[]).gemini(0, "generateContent", &asked));
    let field = &reply["error"]["details"][0]["fieldViolations"][0]["field"];
    assert_eq!(field, "tools[0].function_declarations[0].parameters");
}

fn chat(more: &Value) -> Value {
    let mut asked = json!({"model": LUNA, "messages": [{"role": "user", "content": PAGE}]});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

#[test]
fn openai_refuses_schemas_that_are_not_as_strict_as_they_say() {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let whole = json!({"type": "object", "properties": {"doc": texts}, "required": ["doc"],
        "additionalProperties": false});
    let with = |name: &str, value: Value| {
        let mut schema = whole.clone();
        schema[name] = value;
        schema
    };
    let say = |schema: &Value, strict: bool| {
        let format = json!({"type": "json_schema", "json_schema": {
            "name": "x", "strict": strict, "schema": schema}});
        let asked = chat(&json!({"response_format": format}));
        let reply = Service::new(&[]).openai("chat/completions", &asked);
        (status(&reply), body(&reply)["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(say(&whole, true).0, 200);
    let open = with("additionalProperties", Value::Null);
    assert_eq!(say(&open, false).0, 200, "nothing says that it is strict");
    let wanted = "Invalid schema for response_format 'x': In context=(), 'additionalProperties' is \
                  required to be supplied and to be false.";
    assert_eq!(say(&open, true), (400, wanted.to_owned()));
    let inner = with("properties", json!({"doc": {"type": "array", "items": {"type": "object"}}}));
    let (_, message) = say(&inner, true);
    assert!(
        message.contains("In context=('properties', 'doc', 'items'), 'additional"),
        "{message}"
    );
    let (_, message) = say(&with("required", json!([])), true);
    assert!(message.ends_with("including every key in properties. Missing 'doc'."), "{message}");
    let (_, message) = say(&with("required", json!(["doc", "no"])), true);
    assert!(message.ends_with("Extra required key 'no' supplied."), "{message}");
    let (_, message) = say(&with("properties", json!({"doc": {}})), true);
    assert!(message.ends_with("In context=('properties', 'doc'), schema must have a 'type' key."));
    let (_, message) = say(&texts, true);
    assert!(message.ends_with("'type: \"object\"', got 'type: \"array\"'."), "{message}");

    let asked = json!({"model": LUNA, "input": PAGE, "text": {"format": {
        "type": "json_schema", "name": "x", "strict": true, "schema": open}}});
    let error = body(&Service::new(&[]).openai("responses", &asked))["error"].clone();
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("invalid_json_schema"), &json!("text.format.schema"))
    );
    let tool = json!([{"type": "function", "function": {
        "name": "f", "strict": true, "parameters": open}}]);
    let reply = Service::new(&[]).openai("chat/completions", &chat(&json!({"tools": tool})));
    assert_eq!(body(&reply)["error"]["param"], "tools[0].function.parameters");
}

#[test]
fn openai_models_that_reason_take_no_temperature() {
    let models = "openai.models=[\"gpt-6-luna\", \"gpt-5.4\", \"o4-mini\", \"gpt-4o-mini\", \"gpt-5-chat-latest\"]";
    let code = |path: &str, more: &Value| {
        let reply = Service::new(&[models]).openai(path, &chat(more));
        (status(&reply), body(&reply)["error"]["code"].clone())
    };
    let path = "chat/completions";
    for model in [LUNA, "gpt-5.4", "o4-mini"] {
        let refused = (400, json!("unsupported_value"));
        assert_eq!(code(path, &json!({"model": model, "temperature": 0})), refused, "{model}");
        let refused = (400, json!("unsupported_parameter"));
        assert_eq!(code(path, &json!({"model": model, "max_tokens": 50})), refused, "{model}");
    }
    let taken = (200, Value::Null);
    for more in [
        json!({"temperature": 1}),
        json!({"max_completion_tokens": 50}),
        json!({"temperature": 0, "max_tokens": 50, "reasoning_effort": "none"}),
        json!({"temperature": 0, "max_tokens": 50, "model": "gpt-4o-mini"}),
        json!({"temperature": 0, "model": "gpt-5-chat-latest"}),
    ] {
        assert_eq!(code(path, &more), taken, "{more}");
    }
    assert_eq!(code(path, &json!({"temperature": 0, "model": "gpt-9"})).0, 404);
    let input = json!({"input": PAGE, "temperature": 0});
    assert_eq!(code("responses", &input), (400, Value::Null));
}

#[test]
fn json_without_a_schema_is_asked_for_in_words() {
    let form = json!({"response_format": {"type": "json_object"}});
    let reply = Service::new(&[]).openai("chat/completions", &chat(&form));
    assert_eq!((status(&reply), &body(&reply)["error"]["param"]), (400, &json!("messages")));
    let mut asked = chat(&form);
    asked["messages"][0]["content"] = json!(format!(
        "{PAGE}\nAnswer in JSON that follows {{\"json_schema\": {{\"type\": \"object\", \
         \"properties\": {{\"labels\": {{\"type\": \"array\", \"items\": {{\"type\": \"string\"}}}}}}}}}}, \
         nothing else."
    ));
    let answer = body(&Service::new(&[]).openai("chat/completions", &asked));
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"labels":["guide","kafka"]}"#);
}

#[test]
fn a_day_of_openai_refills_evenly() {
    let mut service = Service::new(&["openai.quota={ per_day = 24 }"]);
    let mut call = |now_ms: u64| {
        let url = "https://api.openai.com/v1/chat/completions";
        let reply = service.send(now_ms, "POST", url, &chat(&json!({})));
        (status(&reply), body(&reply)["error"]["message"].to_string())
    };
    for _ in 0..24 {
        assert_eq!(call(0).0, 200);
    }
    let (code, message) = call(0);
    assert_eq!(code, 429);
    assert!(
        message.contains(
            "on requests per day (RPD): Limit 24, Used 24, Requested 1. Please try again in 1h0m0s"
        ),
        "{message}"
    );
    assert_eq!(call(3_599_999).0, 429);
    assert_eq!(call(3_600_000).0, 200);
    assert!(call(3_600_000).1.contains("try again in 1h0m0s"));
    assert_eq!(call(2 * 3_600_000).0, 200);
}

#[test]
fn functions_that_have_to_be_called_are_called() {
    let parameters = json!({"type": "object", "properties": {
        "labels": {"type": "array", "items": {"type": "string"}}}});
    let arguments = r#"{"labels":["guide","kafka"]}"#;
    let mut service = Service::new(&[]);
    let mut asked = asking(PAGE);
    asked["tools"] = json!([{"functionDeclarations": [
        {"name": "other"}, {"name": "tag", "parametersJsonSchema": parameters}]}]);
    let text = body(&service.gemini(0, "generateContent", &asked));
    assert!(text["candidates"][0]["content"]["parts"][0]["text"].is_string(), "it may choose");
    let allowed = json!({"mode": "ANY", "allowedFunctionNames": ["tag"]});
    asked["toolConfig"] = json!({"functionCallingConfig": allowed});
    let wanted = json!({"name": "tag", "args": serde_json::from_str::<Value>(arguments).unwrap()});
    let called = body(&service.gemini(0, "generateContent", &asked));
    assert_eq!(called["candidates"][0]["content"]["parts"], json!([{"functionCall": wanted}]));
    let list = body(&service.gemini(0, "streamGenerateContent", &asked));
    assert_eq!(list[0]["candidates"][0]["content"]["parts"][0]["functionCall"], wanted);
    asked["tools"] = Value::Null;
    assert_eq!(status(&service.gemini(0, "generateContent", &asked)), 400);

    let function = json!({"name": "tag", "parameters": parameters});
    let tools = json!([{"type": "function", "function": function}]);
    let named = json!({"type": "function", "function": {"name": "tag"}});
    for (choice, finish) in [(json!("required"), "tool_calls"), (named, "stop")] {
        let mut asked = chat(&json!({"tools": tools, "tool_choice": choice}));
        let answer = body(&service.openai("chat/completions", &asked));
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], finish);
        assert_eq!(choice["message"]["content"], Value::Null);
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"], json!({"name": "tag", "arguments": arguments}));
        asked["stream"] = json!(true);
        let reply = service.openai("chat/completions", &asked);
        let streamed = std::str::from_utf8(reply.response.body()).unwrap();
        let chunks = streamed
            .split("\n\n")
            .filter_map(|event| serde_json::from_str::<Value>(event.strip_prefix("data: ")?).ok());
        let said: String = chunks
            .filter_map(|chunk| {
                let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
                Some(call["function"]["arguments"].as_str()?.to_owned())
            })
            .collect();
        assert_eq!(said, arguments);
    }
    for choice in [json!({"type": "function", "function": {"name": "none"}}), json!("required")] {
        let tools = if choice == "required" { Value::Null } else { tools.clone() };
        let asked = chat(&json!({"tools": tools, "tool_choice": choice}));
        let reply = service.openai("chat/completions", &asked);
        assert_eq!(body(&reply)["error"]["param"], "tool_choice");
    }

    let tools = json!([{"type": "function", "name": "tag", "parameters": parameters}]);
    let asked = json!({"model": LUNA, "input": PAGE, "tools": tools, "tool_choice": "required"});
    let output = body(&service.openai("responses", &asked))["output"][0].clone();
    assert_eq!(output["type"], "function_call");
    assert_eq!((&output["name"], &output["arguments"]), (&json!("tag"), &json!(arguments)));
}

#[test]
fn several_answers_an_enum_and_thoughts() {
    let mut service = Service::new(&["gemini.thinking_tokens=30"]);
    let mut asked = asking(PAGE);
    asked["generationConfig"] = json!({"candidateCount": 3});
    let three = body(&service.gemini(0, "generateContent", &asked));
    let indexes: Vec<&Value> =
        three["candidates"].as_array().unwrap().iter().map(|one| &one["index"]).collect();
    assert_eq!(indexes, [0, 1, 2]);
    asked["generationConfig"] = json!({"candidateCount": 9});
    assert_eq!(status(&service.gemini(0, "generateContent", &asked)), 400);
    asked["generationConfig"] = json!({"thinkingConfig": {"includeThoughts": true}});
    let thought = body(&service.gemini(0, "generateContent", &asked));
    let one = |answer: &Value| answer["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap();
    assert_eq!(one(&three), 3 * one(&thought));
    let parts = &thought["candidates"][0]["content"]["parts"];
    assert_eq!((&parts[0]["thought"], &parts[1]["thought"]), (&json!(true), &Value::Null));
    asked["generationConfig"] = json!({"responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["postgres", "kafka"]}});
    let choice = body(&service.gemini(0, "generateContent", &asked));
    assert_eq!(choice["candidates"][0]["content"]["parts"], json!([{"text": "kafka"}]));

    let answer = body(&service.openai("chat/completions", &chat(&json!({"n": 2}))));
    assert_eq!(answer["choices"][1]["index"], 1);
    let many = body(&service.openai("chat/completions", &chat(&json!({"n": 129}))));
    assert_eq!(many["error"]["code"], "integer_above_max_value");
}

#[test]
fn gemini_speaks_openais_language_with_its_own_errors() {
    let mut service = Service::new(&["gemini.quota={ requests = 2 }", "gemini.keys=[\"k\"]"]);
    let base = "https://generativelanguage.googleapis.com/v1beta/openai";
    let url = format!("{base}/chat/completions");
    let asked =
        chat(&json!({"model": "gemini-3.5-flash-lite", "temperature": 0, "max_tokens": 90}));
    let mut call = |asked: &Value| service.send(0, "POST", &url, asked);
    let answer = body(&call(&asked));
    assert_eq!(answer["object"], "chat.completion");
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("kafka"));
    assert_eq!(status(&call(&asked)), 200);
    let refused = call(&asked);
    assert_eq!(status(&refused), 429);
    assert_eq!(body(&refused)[0]["error"]["status"], "RESOURCE_EXHAUSTED");
    let unknown = body(&call(&chat(&json!({"model": "gemini-0"}))));
    assert_eq!(unknown[0]["error"]["code"], 404);
    let list = body(&service.send(0, "GET", &format!("{base}/models"), &Value::Null));
    let one = list["data"][0]["id"].as_str().unwrap();
    assert!(one.starts_with("models/gemini"), "{one}");
    let same = body(&service.send(0, "GET", &format!("{base}/{one}"), &Value::Null));
    assert_eq!(same, list["data"][0]);
}

#[test]
fn an_interaction_has_steps_and_can_be_gone_on_with() {
    let mut service = Service::new(&[]);
    let url = "https://generativelanguage.googleapis.com/v1beta/interactions";
    let mut send = |method: &str, url: &str, body: &Value| service.send(0, method, url, body);
    let model = "gemini-3.5-flash-lite";
    let first = body(&send("POST", url, &json!({"model": model, "input": PAGE})));
    assert_eq!((&first["status"], &first["object"]), (&json!("completed"), &json!("interaction")));
    let kinds: Vec<&Value> =
        first["steps"].as_array().unwrap().iter().map(|step| &step["type"]).collect();
    assert_eq!(kinds, ["user_input", "model_output"]);
    let id = first["id"].as_str().unwrap();
    let format = json!({"type": "text", "mime_type": "application/json", "schema": {
        "type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}}});
    let asked = json!({"model": model, "input": "and grafana?", "previous_interaction_id": id,
        "response_format": format});
    let next = body(&send("POST", url, &asked));
    let said = &next["steps"][1]["content"][0]["text"];
    assert_eq!(said, r#"{"labels":["guide","kafka","grafana"]}"#);
    let streamed = send("POST", url, &json!({"model": model, "input": PAGE, "stream": true}));
    let text = std::str::from_utf8(streamed.response.body()).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names.first(), Some(&"interaction.created"));
    assert_eq!(names[names.len() - 2..], ["interaction.completed", "done"]);
    assert!(names.contains(&"step.delta"));
    let tool = json!([{"type": "function", "name": "tag", "parameters": format["schema"]}]);
    let asked = json!({"model": model, "input": PAGE, "tools": tool,
        "generation_config": {"tool_choice": "any"}});
    let called = body(&send("POST", url, &asked));
    assert_eq!(called["status"], "requires_action");
    assert_eq!(called["steps"][1]["arguments"], json!({"labels": ["guide", "kafka"]}));
    let one = format!("{url}/{id}");
    assert_eq!(body(&send("GET", &one, &Value::Null)), first);
    assert_eq!(body(&send("DELETE", &one, &Value::Null)), json!({}));
    assert_eq!(status(&send("GET", &one, &Value::Null)), 404);
    assert_eq!(status(&send("POST", url, &json!({"agent": "a", "input": PAGE}))), 400);
}

import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.Utils;

/** Prints what kafka-clients makes of random messages and record batches; see ../README.md. */
public class Fixtures {
    static final int[] API_KEYS = {
        0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 32, 37, 42, 60, 75, 88, 89};
    /** Recorded behind everything else, so that what was recorded before stays as it is. */
    static final int[] LATER_API_KEYS = {44};
    static final ObjectMapper JSON = new ObjectMapper();
    static final HexFormat HEX = HexFormat.of();
    static final String[] TEXTS = {"", "a", "orders", "naïve", "русские", "日本", "😀", "with space", "x".repeat(130)};

    static Random random;

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        random = new Random(Long.parseLong(args[1]));
        PrintStream messages = open(directory, "messages.jsonl");
        for (int key : API_KEYS) messages(ApiKeys.forId(key), messages);
        try (PrintStream out = open(directory, "defaults.jsonl")) {
            for (int key : IntStream.concat(IntStream.of(API_KEYS), IntStream.of(LATER_API_KEYS)).toArray()) {
                ApiKeys api = ApiKeys.forId(key);
                for (ApiMessage data : new ApiMessage[] {api.messageType.newRequest(), api.messageType.newResponse()}) {
                    ObjectNode line = JSON.createObjectNode().put("message", data.getClass().getSimpleName().replace("Data", ""));
                    line.set("fields", defaults(data));
                    out.println(line);
                }
            }
        }
        try (PrintStream out = open(directory, "batches.jsonl")) {
            batches(out);
        }
        try (PrintStream out = open(directory, "murmur2.jsonl")) {
            hashes(out);
        }
        try (PrintStream out = open(directory, "errors.jsonl")) {
            for (Errors error : Errors.values()) {
                out.println(JSON.createObjectNode().put("name", error.name()).put("code", error.code())
                    .put("retryable", error.exception() instanceof RetriableException));
            }
        }
        for (int key : LATER_API_KEYS) messages(ApiKeys.forId(key), messages);
        messages.close();
    }

    static PrintStream open(Path directory, String name) throws IOException {
        return new PrintStream(Files.newOutputStream(directory.resolve(name)), false, StandardCharsets.UTF_8);
    }

    // Messages: a random struct of the schema, read back as the generated class, written again by it.

    /** How a message is filled. */
    enum Fill { FULL, RANDOM, UNKNOWN_TAGS }

    static void messages(ApiKeys api, PrintStream out) throws Exception {
        for (short version : api.allVersions()) {
            for (boolean request : new boolean[] {true, false}) {
                Schema schema = (request ? api.messageType.requestSchemas() : api.messageType.responseSchemas())[version];
                for (Fill fill : Fill.values()) {
                    if (fill == Fill.UNKNOWN_TAGS && (version != api.latestVersion() || !isFlexible(schema))) continue;
                    message(api, version, request, schema, fill, out);
                }
            }
        }
    }

    static void message(ApiKeys api, short version, boolean request, Schema schema, Fill fill, PrintStream out)
            throws Exception {
        Struct struct = (Struct) value(schema, fill, 0);
        ByteBuffer bytes = ByteBuffer.allocate(schema.sizeOf(struct));
        schema.write(bytes, struct);
        bytes.flip();
        ApiMessage data = request ? api.messageType.newRequest() : api.messageType.newResponse();
        data.read(new ByteBufferAccessor(bytes), version);

        int correlationId = random.nextInt();
        ObjectNode line = JSON.createObjectNode();
        line.put("api", api.name).put("key", api.id).put("version", version);
        line.put("direction", request ? "request" : "response").put("correlationId", correlationId);
        byte[] header;
        if (request) {
            String clientId = random.nextInt(4) == 0 ? null : text();
            line.put("clientId", clientId);
            header = bytesOf(new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version)
                .setCorrelationId(correlationId).setClientId(clientId), api.requestHeaderVersion(version));
        } else {
            header = bytesOf(new ResponseHeaderData().setCorrelationId(correlationId), api.responseHeaderVersion(version));
        }
        if (fill == Fill.UNKNOWN_TAGS) line.put("unknownTags", true);
        byte[] body = bytesOf(data, version);
        ByteBuffer frame = ByteBuffer.allocate(4 + header.length + body.length);
        frame.putInt(header.length + body.length).put(header).put(body);
        line.put("frame", HEX.formatHex(frame.array()));
        line.set("message", json(data, version));
        out.println(line);
    }

    static byte[] bytesOf(Message data, short version) {
        return MessageUtil.byteBufferToArray(MessageUtil.toByteBufferAccessor(data, version).buffer());
    }

    static JsonNode json(ApiMessage data, short version) throws Exception {
        Class<?> converter = Class.forName(data.getClass().getName() + "JsonConverter");
        return (JsonNode) converter.getMethod("write", data.getClass(), short.class).invoke(null, data, version);
    }

    static boolean isFlexible(Schema schema) {
        for (BoundField field : schema.fields()) if (field.def.type instanceof TaggedFields) return true;
        return false;
    }

    static Object value(Type type, Fill fill, int depth) {
        if (type.isNullable() && fill == Fill.RANDOM && random.nextInt(3) == 0) return null;
        Optional<Type> element = type.arrayElementType();
        if (element.isPresent()) {
            int most = depth == 0 ? 2 : 1;
            int size = fill == Fill.RANDOM ? random.nextInt(most + 2) : most;
            Object[] items = new Object[size];
            for (int i = 0; i < size; i++) items[i] = value(element.get(), fill, depth + 1);
            return items;
        }
        if (type instanceof Schema schema) return struct(schema, fill, depth);
        String name = type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
        switch (name) {
            case "BOOLEAN": return random.nextBoolean();
            case "INT8": return (byte) random.nextInt();
            case "INT16": return (short) random.nextInt();
            case "UINT16": return random.nextInt(0x10000);
            case "INT32": return random.nextInt(3) == 0 ? random.nextInt(1000) - 1 : random.nextInt();
            case "INT64": return longValue();
            case "FLOAT64": return random.nextGaussian();
            case "UUID": return new Uuid(random.nextLong(), random.nextLong());
            case "STRING": return text();
            case "BYTES": return ByteBuffer.wrap(someBytes(random.nextInt(20)));
            case "RECORDS": return MemoryRecords.readableRecords(ByteBuffer.wrap(someBytes(random.nextInt(200))));
            default: throw new IllegalStateException("type " + name);
        }
    }

    static Struct struct(Schema schema, Fill fill, int depth) {
        Struct struct = new Struct(schema);
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tagged) {
                TreeMap<Integer, Object> values = new TreeMap<>();
                for (Map.Entry<Integer, Field> entry : tagged.fields().entrySet()) {
                    if (fill == Fill.RANDOM && random.nextBoolean()) continue;
                    values.put(entry.getKey(), value(entry.getValue().type, fill, depth));
                }
                if (fill == Fill.UNKNOWN_TAGS) values.put(1000, new RawTaggedField(1000, someBytes(5)));
                struct.set(field, values);
            } else {
                struct.set(field, value(field.def.type, fill, depth));
            }
        }
        return struct;
    }

    static long longValue() {
        switch (random.nextInt(5)) {
            case 0: return -1;
            case 1: return random.nextInt(1000);
            case 2: return Long.MAX_VALUE;
            default: return random.nextLong() >> (10 + random.nextInt(40));
        }
    }

    static String text() {
        return TEXTS[random.nextInt(TEXTS.length)] + (random.nextBoolean() ? "" : random.nextInt(1000));
    }

    static byte[] someBytes(int size) {
        byte[] bytes = new byte[size];
        random.nextBytes(bytes);
        return bytes;
    }

    // Defaults: of every field of a new object, with `fields` where it holds objects

    static ObjectNode defaults(Object object) throws Exception {
        ObjectNode fields = JSON.createObjectNode();
        for (java.lang.reflect.Field field : object.getClass().getDeclaredFields()) {
            String name = field.getName();
            if (Modifier.isStatic(field.getModifiers()) || name.startsWith("_") || name.equals("next") || name.equals("prev")) continue;
            field.setAccessible(true);
            Object value = field.get(object);
            ObjectNode entry = fields.putObject(name);
            entry.set("default", defaultValue(value));
            Class<?> nested = nestedClass(field);
            if (nested != null) entry.set("fields", defaults(nested.getConstructor().newInstance()));
        }
        return fields;
    }

    static JsonNode defaultValue(Object value) {
        if (value instanceof Uuid uuid) return JSON.getNodeFactory().textNode(uuid.toString());
        if (value instanceof byte[] bytes) return JSON.getNodeFactory().textNode(HEX.formatHex(bytes));
        if (value instanceof Collection<?>) return JSON.createArrayNode();
        if (value instanceof Message) return JSON.createObjectNode();
        return JSON.valueToTree(value);
    }

    /** The class of the objects that a field holds, alone or in a list or keyed collection. */
    static Class<?> nestedClass(java.lang.reflect.Field field) throws Exception {
        Class<?> type = field.getType();
        if (Message.class.isAssignableFrom(type)) return type;
        if (!Collection.class.isAssignableFrom(type)) return null;
        ParameterizedType parameterized = (ParameterizedType)
            (type == List.class ? field.getGenericType() : type.getGenericSuperclass());
        Class<?> element = (Class<?>) parameterized.getActualTypeArguments()[0];
        return Message.class.isAssignableFrom(element) ? element : null;
    }

    // Record batches

    static void batches(PrintStream out) {
        Compression[] compressions = {
            Compression.NONE, Compression.gzip().build(), Compression.zstd().build(),
            Compression.lz4().build(), Compression.snappy().build()};
        for (Compression compression : compressions) {
            boolean isPlain = compression == Compression.NONE;
            for (int i = 0; i < (isPlain ? 12 : 4); i++) {
                boolean logAppend = i % 4 == 3;
                boolean idempotent = i % 2 == 1;
                boolean transactional = i % 4 == 1;
                long baseOffset = i == 0 ? 0 : random.nextLong() >>> 11;
                MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), RecordBatch.CURRENT_MAGIC_VALUE,
                    compression, logAppend ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, baseOffset,
                    logAppend ? 1_700_000_000_000L : RecordBatch.NO_TIMESTAMP,
                    idempotent ? random.nextInt(100000) : RecordBatch.NO_PRODUCER_ID,
                    idempotent ? (short) random.nextInt(100) : RecordBatch.NO_PRODUCER_EPOCH,
                    idempotent ? (i == 5 ? Integer.MAX_VALUE - 1 : random.nextInt(1000)) : RecordBatch.NO_SEQUENCE,
                    transactional, i % 3 == 0 ? -1 : random.nextInt(50));
                int count = i == 0 ? 1 : 2 + random.nextInt(6);
                if (i == 2) count = 150;
                long timestamp = i == 6 ? -1 : 1_700_000_000_000L;
                for (int j = 0; j < count; j++) {
                    byte[] key = random.nextInt(4) == 0 ? null : someBytes(count > 100 ? 1 : random.nextInt(12));
                    byte[] value = random.nextInt(5) == 0 ? null : someBytes(j == 1 && count < 100 ? 300 : random.nextInt(20));
                    builder.append(timestamp, key, value, headers(count < 100 ? random.nextInt(3) : 0));
                    long step = i == 4 ? random.nextLong() >> 16 : random.nextInt(400) - 100;
                    timestamp = Math.max(0, timestamp + step);
                }
                batch("batch", builder.build(), out);
            }
        }
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.COMMIT, ControlRecordType.ABORT}) {
            for (int coordinatorEpoch : new int[] {0, 77, Integer.MAX_VALUE}) {
                batch(type == ControlRecordType.COMMIT ? "commit" : "abort",
                    MemoryRecords.withEndTransactionMarker(random.nextInt(1000), 1_700_000_000_123L + coordinatorEpoch,
                        random.nextInt(9), 5_000_000_000L + random.nextInt(1000), (short) random.nextInt(1000),
                        new EndTransactionMarker(type, coordinatorEpoch)), out, coordinatorEpoch);
            }
        }
    }

    static Header[] headers(int count) {
        List<Header> headers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            headers.add(new RecordHeader(text(), random.nextInt(3) == 0 ? null : someBytes(random.nextInt(9))));
        }
        return headers.toArray(new Header[0]);
    }

    static void batch(String kind, MemoryRecords records, PrintStream out) {
        batch(kind, records, out, 0);
    }

    static void batch(String kind, MemoryRecords records, PrintStream out, int coordinatorEpoch) {
        MutableRecordBatch batch = records.batches().iterator().next();
        ObjectNode line = JSON.createObjectNode().put("kind", kind).put("compression", batch.compressionType().name);
        line.put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset());
        line.put("nextOffset", batch.nextOffset()).put("partitionLeaderEpoch", batch.partitionLeaderEpoch());
        line.put("timestampType", batch.timestampType() == TimestampType.LOG_APPEND_TIME ? "log-append" : "create");
        line.put("isTransactional", batch.isTransactional()).put("isControl", batch.isControlBatch());
        line.put("maxTimestamp", batch.maxTimestamp()).put("producerId", batch.producerId());
        line.put("producerEpoch", batch.producerEpoch()).put("baseSequence", batch.baseSequence());
        line.put("lastSequence", batch.lastSequence()).put("count", batch.countOrNull());
        line.put("sizeBytes", batch.sizeInBytes());
        if (!kind.equals("batch")) line.put("coordinatorEpoch", coordinatorEpoch);
        line.put("bytes", HEX.formatHex(MessageUtil.byteBufferToArray(records.buffer().duplicate())));
        ArrayNode list = line.putArray("records");
        for (Record record : batch) {
            ObjectNode item = list.addObject().put("offset", record.offset()).put("timestamp", record.timestamp());
            item.put("key", hex(record.key())).put("value", hex(record.value()));
            ArrayNode headers = item.putArray("headers");
            for (Header header : record.headers()) {
                headers.addObject().put("key", header.key())
                    .put("value", header.value() == null ? null : HEX.formatHex(header.value()));
            }
        }
        out.println(line);
    }

    static String hex(ByteBuffer bytes) {
        return bytes == null ? null : HEX.formatHex(Utils.toArray(bytes));
    }

    // Partitioner

    static void hashes(PrintStream out) {
        for (int i = 0; i < 120; i++) {
            byte[] key = i < 40 ? someBytes(i) : text().getBytes(StandardCharsets.UTF_8);
            int hash = Utils.murmur2(key);
            ObjectNode line = JSON.createObjectNode().put("key", HEX.formatHex(key)).put("murmur2", hash);
            ObjectNode partitions = line.putObject("partitions");
            for (int count : new int[] {1, 3, 4, 6, 12, 100}) {
                partitions.put(Integer.toString(count), Utils.toPositive(hash) % count);
            }
            out.println(line);
        }
    }
}

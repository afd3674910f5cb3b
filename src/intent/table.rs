//! One definition for a table of the language: its type, its parser, its schema.

/// Defines a table: each key with its field, type and hover text. Unknown keys are errors; a key is required unless its
/// type says what its absence means (as `Option` does). `left_out` before a key: where its value is wrong, which is
/// reported, the rest of the table is read as if the key were left out.
macro_rules! table {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $($lenient:ident)? $key:literal => $field:ident: $ty:ty, )*
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $vis struct $name {
            $( $(#[$field_meta])* #[schemars(rename = $key)] pub $field: $ty, )*
            /// Where the table is written.
            #[schemars(skip)]
            pub span: $crate::source::Span,
        }

        impl $name {
            /// The keys that it takes.
            pub const KEYS: &[&'static str] = &[$($key),*];
        }

        impl $crate::intent::Decode for $name {
            const EXPECTED: &'static str = "a table";

            fn decode(item: $crate::intent::Item<'_>, cx: &mut $crate::intent::Cx<'_>) -> Option<Self> {
                let fields = cx.fields(item, Self::KEYS)?;
                $( let $field = fields.get::<$ty>($key, cx); )*
                Some(Self { $( $field: $field$(.or_else($crate::intent::$lenient))??, )* span: item.span })
            }
        }
    )* };
}

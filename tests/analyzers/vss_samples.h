#pragma once

#include <string_view>

namespace vmtriage {

inline constexpr std::string_view kEnglishWriters = R"(
vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool
(C) Copyright 2001-2013 Microsoft Corp.

Writer name: 'System Writer'
   Writer Id: {e8132975-6f93-4464-a53e-1050253ae220}
   Writer Instance Id: {3a440350-edf0-4b35-bbc0-2af9898666f7}
   State: [5] Waiting for completion
   Last error: No error

Writer name: 'SqlServerWriter'
   Writer Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}
   Writer Instance Id: {de3b2861-77f6-43f8-8619-64dc9ea2fbcf}
   State: [9] Failed
   Last error: Timed out

Writer name: 'WMI Writer'
   Writer Id: {a6ad56c2-b509-4e6c-bb19-49d8f43532f0}
   Writer Instance Id: {f9f92826-a3d4-486c-ade3-a4201deb8ad2}
   State: [1] Stable
   Last error: No error
)";

inline constexpr std::string_view kJapaneseWriters =
    R"(vssadmin 1.1 - ボリューム シャドウ コピー サービス管理コマンド ライン ツール
(C) Copyright 2001-2013 Microsoft Corp.

ライター名: 'System Writer'
   ライター Id: {e8132975-6f93-4464-a53e-1050253ae220}
   ライター インスタンス Id: {3a440350-edf0-4b35-bbc0-2af9898666f7}
   状態: [1] 安定
   最後のエラー: エラーなし

ライター名: 'SqlServerWriter'
   ライター Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}
   ライター インスタンス Id: {de3b2861-77f6-43f8-8619-64dc9ea2fbcf}
   状態: [8] 失敗
   最後のエラー: 再試行可能なエラー
)";

/// The same in code page 932, as vssadmin writes it into a file.
inline constexpr std::string_view kJapaneseWritersCp932 =
    "vssadmin 1.1 - \x83{\x83\x8A\x83\x85\x81[\x83\x80 \x83V\x83\x83\x83h\x83"
    "E \x83R\x83s\x81[ \x83T\x81[\x83r\x83X\x8A\xC7\x97\x9D\x83R\x83}\x83\x93\x83h \x83\x89\x83"
    "C\x83\x93 \x83"
    "c\x81[\x83\x8B\n"
    "(C) Copyright 2001-2013 Microsoft Corp.\n"
    "\n"
    "\x83\x89\x83"
    "C\x83^\x81[\x96\xBC: 'System Writer'\n"
    "   \x83\x89\x83"
    "C\x83^\x81[ Id: {e8132975-6f93-4464-a53e-1050253ae220}\n"
    "   \x83\x89\x83"
    "C\x83^\x81[ \x83"
    "C\x83\x93\x83X\x83^\x83\x93\x83X Id: {3a440350-edf0-4b35-bbc0-2af9898666f7}\n"
    "   \x8F\xF3\x91\xD4: [1] \x88\xC0\x92\xE8\n"
    "   \x8D\xC5\x8C\xE3\x82\xCC\x83G\x83\x89\x81[: \x83G\x83\x89\x81[\x82\xC8\x82\xB5\n"
    "\n"
    "\x83\x89\x83"
    "C\x83^\x81[\x96\xBC: 'SqlServerWriter'\n"
    "   \x83\x89\x83"
    "C\x83^\x81[ Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\n"
    "   \x83\x89\x83"
    "C\x83^\x81[ \x83"
    "C\x83\x93\x83X\x83^\x83\x93\x83X Id: {de3b2861-77f6-43f8-8619-64dc9ea2fbcf}\n"
    "   \x8F\xF3\x91\xD4: [8] \x8E\xB8\x94s\n"
    "   \x8D\xC5\x8C\xE3\x82\xCC\x83G\x83\x89\x81[: \x8D\xC4\x8E\x8E\x8Ds\x89\xC2\x94\x5C\x82\xC8\x83G\x83\x89\x81[\n";

inline constexpr std::string_view kGermanWriters = R"(
vssadmin 1.1 - Verwaltungsbefehlszeilenprogramm des Volumeschattenkopie-Dienstes
(C) Copyright 2001-2013 Microsoft Corp.

Verfassername: "System Writer"
   Verfasserkennung: {e8132975-6f93-4464-a53e-1050253ae220}
   Verfasserinstanzkennung: {3a440350-edf0-4b35-bbc0-2af9898666f7}
   Status: [1] Stabil
   Letzter Fehler: Kein Fehler

Verfassername: "Microsoft Exchange Writer"
   Verfasserkennung: {76fe1ac4-15f7-4bcd-987e-8e1acb462fb7}
   Verfasserinstanzkennung: {728c7e4c-d8fa-46cc-999d-e20573e08a08}
   Status: [7] Fehler
   Letzter Fehler: Wiederholbarer Fehler
)";

inline constexpr std::string_view kFrenchWriters = R"(
vssadmin 1.1 - Outil ligne de commande d’administration du service de cliché instantané de volume
(C) Copyright 2001-2013 Microsoft Corp.

Nom du rédacteur : 'System Writer'
   ID du rédacteur : {e8132975-6f93-4464-a53e-1050253ae220}
   ID de l’instance du rédacteur : {3a440350-edf0-4b35-bbc0-2af9898666f7}
   État : [1] Stable
   Dernière erreur : Aucune erreur

Nom du rédacteur : 'Registry Writer'
   ID du rédacteur : {afbab4a2-367d-4d15-a586-71dbb18f8485}
   ID de l’instance du rédacteur : {6b4e3ef9-49f3-41a1-a2f6-4d43b5ba2b6b}
   État : [11] Échec
   Dernière erreur : Aucune erreur
)";

}  // namespace vmtriage

// Every row of the reference that `explain` is built from: VSS errors, writers, codes of Azure Backup.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/embedded.h"
#include "analyzers/codes.h"

namespace vmtriage {
namespace {

const Codes& shipped() {
  static const Codes codes = [] {
    std::vector<std::string_view> files;
    for (const EmbeddedFile& file : embedded_files()) {
      if (file.path.starts_with("analyzers/codes/")) files.push_back(file.bytes);
    }
    Result<Codes> parsed = Codes::parse(files);
    return std::move(*parsed);
  }();
  return codes;
}

TEST(CodesReference, EveryErrorThatVssMessagesCarryIsExplained) {
  for (const char* code :
       {"0x80042301", "0x80042302", "0x80042303", "0x80042304", "0x80042306", "0x80042307", "0x80042308", "0x00042309",
        "0x0004230A", "0x0004230B", "0x8004230C", "0x8004230D", "0x8004230E", "0x8004230F", "0x80042310", "0x80042311",
        "0x80042312", "0x80042313", "0x80042314", "0x80042315", "0x80042316", "0x80042317", "0x80042318", "0x80042319",
        "0x8004231A", "0x8004231B", "0x8004231D", "0x8004231E", "0x8004231F", "0x80042320", "0x80042321", "0x80042322",
        "0x80042323", "0x80042324", "0x80042325", "0x80042326", "0x80042327", "0x80042328", "0x80042329", "0x8004232A",
        "0x8004232B", "0x8004232C", "0x8004232D", "0x8004232E", "0x8004232F", "0x80042336", "0x800423F0", "0x800423F1",
        "0x800423F2", "0x800423F3", "0x800423F4", "0x800423F5", "0x800423F6", "0x800423F7", "0x800423F8", "0x800423F9",
        "0x800423FA", "0x800423FB", "0x800423FC", "0x800423FD", "0x800423FE", "0x800423FF", "0x80042400", "0x80042401",
        "0x80042402", "0x80042403", "0x80042404", "0x80042405", "0x80042406", "0x80042407", "0x80042408", "0x8004240A",
        "0x80042411", "0x80042412", "0x80042413", "0x80042414", "0x80042415", "0x80042416", "0x80042409", "0x80042417",
        "0x80070005", "0x80070006", "0x8007000E", "0x8007001F", "0x80070057", "0x8007007B", "0x8007045B", "0x80070422",
        "0x80070539", "0x80070560", "1376",       "0x80070015", "0x800706BA", "0x800706BE", "0x80040154", "0x800401FB",
        "0x80080005", "0x80040E14", "0x80073BC3", "0x80780049", "0x80780119", "0x80070780", "0x8007000B", "0x800706D9",
        "-2147023143"}) {
    EXPECT_FALSE(shipped().lookup(code).empty()) << code;
  }
}

TEST(CodesReference, EveryWriterIsExplainedByNameAndIdWithItsService) {
  struct Writer {
    std::string_view name, id, service;
  };
  constexpr Writer kWriters[] = {
      {"System Writer", "e8132975-6f93-4464-a53e-1050253ae220", "CryptSvc"},
      {"Registry Writer", "afbab4a2-367d-4d15-a586-71dbb18f8485", "VSS"},
      {"COM+ REGDB Writer", "542da469-d3e1-473c-9f4f-7847f01fc64f", "VSS"},
      {"ASR Writer", "be000cbe-11fe-4426-9c58-531aa6355fc4", "VSS"},
      {"Shadow Copy Optimization Writer", "4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f", "VSS"},
      {"VSS Metadata Store Writer", "75dfb225-e2e4-4d39-9ac9-ffaff65ddf06", "VSS"},
      {"Performance Counters Writer", "0bada1de-01a9-4625-8278-69e735f39dd2", "VSS"},
      {"Task Scheduler Writer", "d61d61c8-d73a-4eee-8cdd-f6f9786b7124", "VSS"},
      {"WMI Writer", "a6ad56c2-b509-4e6c-bb19-49d8f43532f0", "Winmgmt"},
      {"BITS Writer", "4969d978-be47-48b0-b100-f328f07ac1e0", "BITS"},
      {"MSSearch Service Writer", "cd3f2362-8bef-46c7-9181-d62844cdc0b2", "WSearch"},
      {"Cluster Database", "41e12264-35d8-479b-8e5c-9b23d1dad37e", "ClusSvc"},
      {"Cluster Shared Volume VSS Writer", "1072ae1c-e5a7-4ea1-9e4a-6f7964656570", "ClusSvc"},
      {"Dedup Writer", "41db4dbf-6046-470e-8ad5-d5081dfb1b70", "DdpSvc"},
      {"DFS Replication service writer", "2707761b-2324-473d-88eb-eb007a359533", "DFSR"},
      {"FRS Writer", "d76f5a28-3092-4589-ba48-2958fb88ce29", "NtFrs"},
      {"FSRM Writer", "12ce4370-5bb7-4c58-a76a-e5d5097e3674", "srmsvc"},
      {"Sync Share Service Writer", "d46bf321-fdba-4a35-8ec3-454df03bc86a", "SyncShareSvc"},
      {"NTDS", "b2014c9e-8711-4c5c-a5a9-3cf384484757", "NTDS"},
      {"AD LDS", "dd846aaa-a1b6-42a8-aaf8-03dcb6114bfd", "ADAM_"},
      {"AD FS Writer", "772c45f8-ae01-4f94-940c-94961864acad", "adfssrv"},
      {"AD RMS Writer", "886c43b1-d455-4428-a37f-4d6b9e43f50f", "RMS"},
      {"Certificate Authority", "6f5b15b5-da24-4d88-b737-63063e3a1f86", "CertSvc"},
      {"DHCP Jet Writer", "be9ac81e-3619-421f-920f-4c6fea9e93ad", "DHCPServer"},
      {"WINS Jet Writer", "f08c1483-8407-4a26-8c26-6c267a629741", "WINS"},
      {"NPS VSS Writer", "35e81631-13e1-48db-97fc-d5bc721bb18a", "EventSystem"},
      {"IIS Config Writer", "2a40fd15-dfca-4aa8-a654-1f8c654603f6", "AppHostSvc"},
      {"IIS Metabase Writer", "59b1f0cf-90ef-465f-9609-6ca8b2938366", "IISADMIN"},
      {"MSMQ Writer", "7e47b561-971a-46e6-96b9-696eeaa53b2a", "MSMQ"},
      {"Microsoft Hyper-V VSS Writer", "66841cd4-6ded-4f4b-8f17-fd23f8ddc3de", "vmms"},
      {"TS Gateway Writer", "368753ec-572e-4fc7-b4b9-ccd9bdc624cb", "TSGateway"},
      {"TermServLicensing", "5382579c-98df-47a7-ac6c-98a6d7106e09", "TermServLicensing"},
      {"WDS VSS Writer", "82cb5521-68db-4626-83a4-7fc6f88853e9", "WDSServer"},
      {"WIDWriter", "8d5194e1-e455-434a-b2e5-51296cce67df", "WIDWriter"},
      {"SqlServerWriter", "a65faa63-5ea8-4ebc-9dbd-a0c4db26912a", "SQLWriter"},
      {"Microsoft Exchange Writer", "76fe1ac4-15f7-4bcd-987e-8e1acb462fb7", "MSExchangeIS"},
      {"SharePoint Services Writer", "da452614-4858-5e53-a512-38aab25c61ad", "SPWriter"},
      {"SharePoint Services Writer", "c2f52614-5e53-4858-a589-38eeb25c6184", "SPWriter"},
      {"OSearch14 VSS Writer", "0ff1ce14-0201-0000-0000-000000000000", "OSearch14"},
      {"SMS Writer", "", "SMS_SITE_VSS_WRITER"},
      {"Event Log Writer", "eee8c692-67ed-4250-8d86-390603070d00", "VSS"},
      {"Oracle VSS Writer", "26d02976-b909-43ad-af7e-62a4f625e372", "OracleVssWriter"},
  };
  for (const Writer& writer : kWriters) {
    for (const std::string_view query : {writer.name, writer.id}) {
      if (query.empty()) continue;
      const std::vector<const Code*> found = shipped().lookup(query);
      ASSERT_FALSE(found.empty()) << query;
      EXPECT_NE((found.front()->meaning.en + found.front()->action.en).find(writer.service), std::string::npos)
          << query;
    }
  }
}

TEST(CodesReference, EveryCodeThatOnlyThePortalShowsSaysSo) {
  for (const char* code : {"UserErrorRpCollectionLimitReached",
                           "UserErrorKeyvaultPermissionsNotConfigured",
                           "UserErrorUnsupportedDiskSize",
                           "UserErrorBackupOperationInProgress",
                           "UserErrorCrpReportedUserError",
                           "UserErrorBcmDatasourceNotPresent",
                           "ExtensionFailedSnapshotLimitReachedError",
                           "CopyingVHDsFromBackUpVaultTakingLongTime",
                           "UserErrorBCMPremiumStorageQuotaError",
                           "UserErrorSkuNotAvailable",
                           "UserErrorMarketPlaceVMNotSupported",
                           "UserErrorRequestDisallowedByPolicy",
                           "UserErrorInstantRpNotFound",
                           "UserErrorMigrationFromTrustedLaunchVMToNonTrustedVMNotAllowed",
                           "UserErrorCrossSubscriptionRestoreNotSuppported",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedForOLR",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedForUnManagedAzureVM",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedForCRR",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedFromSnapshot",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedForEncryptedAzureVM",
                           "UserErrorCrossSubscriptionRestoreNotSuppportedForTrustedLaunchAzureVM",
                           "UserErrorCrossSubscriptionRestoreInvalidTenant",
                           "UserErrorCrossSubscriptionRestoreInvalidTargetSubscription",
                           "UserErrorSharedDiskBackupNotSupported",
                           "UserErrorVmProvisioningFailedDueToLackOfResources",
                           "UserErrorManagedDiskNotFound",
                           "UserErrorVmNotShutDown",
                           "OlrBackupFailed",
                           "ResourceNotFound",
                           "320001",
                           "BCMV2VMNotFound",
                           "400094",
                           "AzureVmOffline",
                           "380008",
                           "DiskRestorePointUsedByCustomer",
                           "OperationNotAllowed",
                           "DiskRestorePointClientError",
                           "BadRequest",
                           "InternalError",
                           "InternalExecutionError",
                           "InternalOperationError",
                           "OSProvisioningClientError",
                           "AllocationFailed",
                           "UserErrorParentFullBackupMissing",
                           "UserErrorCannotRestoreExistingDBWithoutForceOverwrite",
                           "UserErrorRestoreNotPossibleBecauseLogBackupContainsBulkLoggedChanges",
                           "OperationCancelledBecauseConflictingOperationRunningUserError",
                           "AutoProtectionCancelledOrNotValid",
                           "CloudDosAbsoluteLimitReached",
                           "CloudDosAbsoluteLimitReachedWithRetry",
                           "UserErrorVMIdentityNotEnabled",
                           "UserErrorVMIdentityRequiresCreateSnapshotsRole",
                           "UserErrorVMIdentityRequiresReadSnapshotsRole",
                           "UserErrorVMIdentityRequiresReadDisksRole",
                           "UserErrorVMIdentityRequiresCreateDisksRole",
                           "UserErrorVMIdentityRequiresUpdateVMRole",
                           "UserErrorVMIdentityRequiresReadVMRole",
                           "UserErrorVMIdentityRequiresGetDiskSASRole",
                           "UserErrorVMIdentityRequiresPermissionsForSnapshot",
                           "UserErrorSnapshotTargetRGNotFoundOrVMIdentityRequiresPermissions",
                           "UserErrorDeleteSnapshotRoleOrResourceGroupMissing"}) {
    const std::vector<const Code*> found = shipped().lookup(code);
    ASSERT_FALSE(found.empty()) << code;
    EXPECT_NE(found.front()->shows.en.find("guest logs cannot show"), std::string::npos) << code;
    EXPECT_NE(found.front()->shows.ja.find("のログには"), std::string::npos) << code;
  }
}

TEST(CodesReference, EveryOtherCodeIsExplained) {
  for (const char* code : {"UserErrorGuestAgentStatusUnavailable",
                           "GuestAgentSnapshotTaskStatusError",
                           "UserErrorVmProvisioningStateFailed",
                           "ExtensionSnapshotFailedNoNetwork",
                           "ExtensionOperationFailedForManagedDisks",
                           "BackUpOperationFailed",
                           "BackUpOperationFailedV2",
                           "UserErrorVmNotInDesirableState",
                           "VmNotInDesirableState",
                           "UserErrorFsFreezeFailed",
                           "UserErrorUnableToOpenMount",
                           "ExtensionSnapshotFailedCOM",
                           "ExtensionInstallationFailedCOM",
                           "ExtensionInstallationFailedMDTC",
                           "ExtensionFailedVssWriterInBadState",
                           "ExtensionFailedVssServiceInBadState",
                           "ExtensionConfigParsingFailure",
                           "ExtensionStuckInDeletionState",
                           "ExtensionFailedTimeoutVMNetworkUnresponsive",
                           "ExtensionSnapshotFailedNoSecureNetwork",
                           "ExtensionVCRedistInstallationFailure",
                           "ExtensionSnapshotBitlockerError",
                           "VMRestorePointInternalError",
                           "VMRestorePointClientError",
                           "VMAgentStatusCommunicationError",
                           "success_appconsistent",
                           "SuccessAlreadyProcessedInput",
                           "ExtensionTempTerminalState",
                           "error_12",
                           "error_parameter",
                           "error_wrong_time",
                           "error_same_taskid",
                           "error_http_failure",
                           "FailedHandlerGuestAgentCertificateNotFound",
                           "FailedInvalidDataDiskLunList",
                           "FailedRetryableSnapshotFailedNoNetwork",
                           "FailedSnapshotLimitReached",
                           "FailedRetryableFsFreezeFailed",
                           "FailedRetryableUnableToOpenMount",
                           "FailedSafeFreezeBinaryNotFound",
                           "FailedRetryableSnapshotRateExceeded",
                           "FailedPrepostPreScriptFailed",
                           "FailedPrepostPostScriptFailed",
                           "FailedPrepostPreScriptNotFound",
                           "FailedPrepostPostScriptNotFound",
                           "FailedPrepostPluginhostConfigParsing",
                           "FailedPrepostPluginConfigParsing",
                           "FailedPrepostPreScriptPermissionError",
                           "FailedPrepostPostScriptPermissionError",
                           "FailedPrepostPreScriptTimeout",
                           "FailedPrepostPostScriptTimeout",
                           "FailedPrepostPluginhostPreTimeout",
                           "FailedPrepostPluginhostPostTimeout",
                           "FailedPrepostCheckSumMismatch",
                           "FailedPrepostPluginhostConfigNotFound",
                           "FailedPrepostPluginhostConfigPermissionError",
                           "FailedPrepostPluginhostConfigOwnershipError",
                           "FailedPrepostPluginConfigNotFound",
                           "FailedPrepostPluginConfigPermissionError",
                           "FailedPrepostPluginConfigOwnershipError",
                           "FailedGuestAgentInvokedCommandTooLate",
                           "FailedWorkloadPreError",
                           "FailedWorkloadConfParsingError",
                           "FailedWorkloadInvalidRole",
                           "FailedWorkloadInvalidWorkloadName",
                           "FailedWorkloadPostError",
                           "FailedWorkloadAuthorizationMissing",
                           "FailedWorkloadConnectionError",
                           "FailedWorkloadIPCDirectoryMissing",
                           "FailedWorkloadDatabaseStatusChanged",
                           "FailedWorkloadQuiescingError",
                           "FailedWorkloadQuiescingTimeout",
                           "FailedWorkloadDatabaseInNoArchiveLog",
                           "FailedWorkloadLogModeChanged",
                           "FailedHostSnapshotRemoteServerError",
                           "FailedRetryableSnapshotFailedRestrictedNetwork",
                           "UserErrorSQLNoSysadminMembership",
                           "UserErrorSQLPODoesNotSupportBackupType",
                           "UserErrorSQLPODoesNotExist",
                           "UserErrorSQLLSNValidationFailure",
                           "UserErrorOpeningSQLConnection",
                           "UserErrorBackupFailedAsTransactionLogIsFull",
                           "UserErrorRestoreFailedDatabaseCannotBeOfflined",
                           "UserErrorCannotFindServerCertificateWithThumbprint",
                           "UserErrorFileManipulationIsNotAllowedDuringBackup",
                           "WlExtGenericIOFaultUserError",
                           "FabricSvcBackupPreferenceCheckFailedUserError",
                           "VMNotInRunningStateUserError",
                           "GuestAgentStatusUnavailableUserError",
                           "WorkloadExtensionNotReachable",
                           "UserErrorWorkloadExtensionNotInstalled",
                           "WorkloadExtensionNotPresent",
                           "WorkloadExtensionDidntDequeueMsg",
                           "UserErrorVMInternetConnectivityIssue",
                           "UserErrorOperationNotAllowedDatabaseMirroringEnabled",
                           "UserErrorWindowsWLExtFailedToStartPluginService",
                           "UserErrorHANAInternalRoleNotPresent",
                           "UserErrorInOpeningHanaOdbcConnection",
                           "UserErrorHanaInstanceNameInvalid",
                           "UserErrorHANALSNValidationFailure",
                           "OperationCancelledBecauseConflictingAutohealOperationRunningUserError",
                           "UserErrorSDCtoMDCUpgradeDetected",
                           "UserErrorInvalidBackintConfiguration",
                           "UserErrorInvalidBackint",
                           "UserErrorHanaSQLQueryFailed",
                           "UserErrorIncompatibleSrcTargetSystemsForRestore",
                           "UserErrorHANAPODoesNotExist",
                           "UserErrorInsufficientPrivilegeOfDatabaseUser",
                           "UserErrorDatabaseUserPasswordExpired",
                           "UserErrorInconsistentSSFS",
                           "UserErrorCannotConnectToAzureActiveDirectoryService",
                           "UserErrorMisConfiguredSslCaStore",
                           "UserErrorBackupFailedAsRemedialBackupInProgress",
                           "UserErrorHanaPreScriptNotRun",
                           "UserErrorPreregistrationScriptNotRun",
                           "UserErrorTargetPOExistsOverwriteNotSpecified",
                           "UserErrorRecoverySysScriptFailedToTriggerRestore",
                           "UserErrorHDBsettingsScriptNotFound",
                           "UserErrorDefaultSidAdmDirectoryChanged",
                           "UserErrorDBNameNotInCorrectFormat",
                           "UserErrorInsufficientSpaceOnSystemDriveForExtensionMetadata",
                           "WorkloadExtensionNotInstalled",
                           "UserErrorDiskTypeNotSupportedForWkloadBackup",
                           "UserErrorMaxDisksSupportedForWkloadBackupExceeded",
                           "UserErrorWLBackupFilesystemTypeNotSupported",
                           "UserErrorWLBackupDeviceTypeNotSupported",
                           "UserErrorWLOnOSVolumeNotSupported",
                           "UserErrorSnapshotOperationsUnsupportedWithInactiveDatabase",
                           "UserErrorConflictingFileSystemPresentOnTargetMachine",
                           "UserErrorDiskAttachLimitReached",
                           "UserErrorPITSnapshotDeleted",
                           "UserErrorRestoreDiskIncompatible"}) {
    EXPECT_FALSE(shipped().lookup(code).empty()) << code;
  }
}

TEST(CodesReference, EveryMessageWithoutACodeIsFoundByItsWords) {
  for (const char* words :
       {"The VM doesn't have agent", "Snapshot VM sub task timed out",
        "Install of extension failed, VM must be running", "Another operation in progress",
        "Cancellation not supported", "Backup cannot cancel because it is cancelling",
        "Exception caught while connecting to target", "The target has already been logged in via an iSCSI session",
        "This script is invalid because the disks have been dismounted via portal/exceeded the 12-hr limit",
        "Recovery volumes still visible after unmount", "New volumes attached missing", "0 recovery volumes attached",
        "The following partitions failed to mount since the OS couldn't identify the filesystem",
        "iscsi_tcp module can't be loaded", "storage pool attached read-only", "Cannot run on the same VM"}) {
    EXPECT_FALSE(shipped().lookup(words).empty() && shipped().search(words).empty()) << words;
  }
}

}  // namespace
}  // namespace vmtriage
